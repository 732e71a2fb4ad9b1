"""The DevServer: an AI server of ModelArts, pay-per-use or bought by the month.

The other rooms need nothing but the value KIND. Each file answers one question: `schema` (what a spec may contain),
`rows` (what the API shows), `creation`, `batches`, `updates` and `releases` (the flows; the steps of an update have
files of their own), `order_settlement` (paying and cancelling an unpaid order), `renewals` (what happens at the end of
a term), `matching` (whether a row is ours), `drafts` (specs for a server that exists), `terraform` (what the vendor's
provider has recorded of it).
"""

from __future__ import annotations

from provisioner.kinds.dev_server import (
    attachments,
    batches,
    charging,
    creation,
    detail,
    drafts,
    facts,
    leftovers,
    listing,
    matching,
    order_settlement,
    orders,
    reinstall_remarks,
    reinstallation,
    releases,
    renewals,
    rows,
    schema,
    terraform,
    updates,
)
from provisioner.model.canonical import digest
from provisioner.model.capability import Adoption, Batch, Billing, Orders, Reinstall, StockCheck, Terraform
from provisioner.model.facts import Facts
from provisioner.model.field_rule import FieldRule, OnChange
from provisioner.model.kind import Kind, Matching, Statuses
from provisioner.model.redaction import DIGEST

_PREPAID = (("charging_info", "charging_mode"), charging.PRE_PAID)
_ATTACHED = ("volumes",)

RULES = (
    FieldRule(("name",), OnChange.IN_PLACE, shown=True, ignores_case=True),
    FieldRule(("flavor",), shown=True, cloud_chooses=True, always_shown=True),
    FieldRule(("resource_flavor",), shown=True, cloud_chooses=True),
    FieldRule(("arch",), shown=True, cloud_chooses=True),
    FieldRule(("server_type",), shown=True, cloud_chooses=True),
    FieldRule(("availability_zone",), cloud_chooses=True),
    FieldRule(("root_volume", "type"), shown=True, cloud_chooses=True),
    FieldRule(("root_volume", "size"), shown=True, cloud_chooses=True),
    FieldRule(("data_volume", "type"), shown=True, cloud_chooses=True, mixed_with=_ATTACHED),
    FieldRule(("data_volume", "size"), shown=True, cloud_chooses=True, mixed_with=_ATTACHED),
    FieldRule(("data_volume", "count"), shown=True, cloud_chooses=True, mixed_with=_ATTACHED, allows_extra=True),
    FieldRule(("image_id",), OnChange.REINSTALL, shown=True, always_shown=True),
    FieldRule(("key_pair_name",), OnChange.REINSTALL, shown=True, always_shown=True),
    FieldRule(("power",), OnChange.IN_PLACE, shown=True),
    FieldRule(_ATTACHED, OnChange.IN_PLACE, shown=True, allows_extra=True, default=[]),
    FieldRule(("public_ips",), OnChange.IN_PLACE, default=[]),
    FieldRule(("enterprise_project_id",), default="0"),
    FieldRule(("network", "vpc_id"), shown=True, always_shown=True),
    FieldRule(("network", "subnet_id"), shown=True, always_shown=True),
    FieldRule(("network", "ipv6_enable"), default=False),
    FieldRule(("network", "allowed_address_pairs"), default=[]),
    FieldRule(_PREPAID[0], shown=True, always_shown=True, default=charging.POST_PAID),
    FieldRule(("charging_info", "period_type"), cloud_chooses=True, only_where=_PREPAID, shown_by_billing=True),
    FieldRule(("charging_info", "period_num"), cloud_chooses=True, only_where=_PREPAID, shown_by_billing=True),
    FieldRule(("charging_info", "is_auto_pay"), OnChange.NOTHING),
    FieldRule(renewals.RENEWAL, OnChange.IN_PLACE, shown=True, default=False),
    FieldRule(("admin_pass",), OnChange.REINSTALL, secret=True),
    FieldRule(("userdata",), OnChange.REINSTALL, content=True, default={DIGEST: digest("")}),
    FieldRule(("user_data",), content=True),  # not a field of specs, but the other name that requests have for userdata
)

KIND = Kind(
    name="dev_server",
    noun="server",
    section="servers",
    schema=schema.DevServer,
    rules=RULES,
    longest_name=schema.LONGEST_NAME,
    advise=schema.advise,
    advise_by_row=attachments.advise_by_row,
    check_secret=schema.check_password,
    list=listing.list_servers,
    read_list_gap=listing.read_list_gap,
    list_permission="modelarts:devserver:list (or modelarts:devserver:listByUser, which shows only your own)",
    show=rows.show,
    read_detail=detail.read_detail,
    create=creation.create,
    update=updates.update,
    delete=releases.delete,
    leftovers=leftovers.find_leftovers,
    matching=Matching(matching.exact_matches, matching.similar_rows, matching.absence, matching.has_another_name),
    statuses=Statuses(rows.STATUSES, rows.ADVERSE, rows.RELEASING, gone=rows.DELETED, shows=("power",)),
    computed=("id", "private_address"),
    shown=rows.shown_fields,
    facts=Facts(
        facts.read_facts,
        ("status", "private_addresses", "public_addresses"),
        first_items={"private_addresses": "private_address", "public_addresses": "public_address"},
        changed_by={"power": "status", "public_ips": "public_addresses"},
    ),
    orders=Orders(
        pay=order_settlement.pay,
        cancel=order_settlement.cancel,
        possible_orders=matching.possible_orders,
        possibly_open=orders.possibly_open,
        bought_ids=orders.bought_ids,
        all_bought_ids=orders.all_bought_ids,
        find_order=orders.find_order,
        ends_its_order=releases.ends_its_order,
        deleted_alone=releases.deleted_alone,
        may_place_order=charging.may_place_order,
        advise=schema.advise_of_purchase,
    ),
    billing=Billing(
        field="charging_info",
        observed=("charging_mode",),
        is_prepaid=charging.is_prepaid,
        shows_prepaid=charging.shows_prepaid,
        with_term=charging.with_term,
        sold_otherwise=charging.sold_otherwise,
        future_charging=charging.future_charging,
        current_charging=charging.current_charging,
        order_terms=charging.order_terms,
        loses_paid_term=releases.loses_paid_term,
        is_subscribed=releases.is_subscribed,
        renewal=renewals.RENEWAL,
    ),
    reinstall=Reinstall(reinstallation.was_carried_out, reinstallation.FAILED, reinstall_remarks.remarks),
    batch=Batch(batches.MAX_SERVERS, batches.buy, batches.advise),
    stock=StockCheck(schema.offering, attachments.advise_by_type),
    adoption=Adoption(
        drafts.draft,
        drafts.HIDDEN,
        Terraform(terraform.RESOURCE, terraform.hidden_fields, terraform.ACTIONS),
        drafts.particulars,
    ),
)
