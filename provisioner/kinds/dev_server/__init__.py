"""The DevServer: an AI server of ModelArts, pay-per-use or bought by the month.

Everything the other rooms need is the value KIND. The folder is split by question: `schema` (what may be written in a
spec), `rows` (what the API shows), `buying`, `grouping`, `changing` and `releasing` (how one talks to it; the steps of a change
have files of their own), `ordering` (what a person says of an unpaid order), `renewing` (what happens at the end of a term),
`recognition` (is this row ours), `drafting` (what specs would say of it), `terraform` (what the vendor's provider wrote down of it).
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
    FieldRule(("user_data",), content=True),  # no spec's, but the other name that requests have for it
)

KIND = Kind(
    name="dev_server",
    noun="server",
    section="servers",
    schema=schema.DevServer,
    rules=RULES,
    longest_name=schema.LONGEST_NAME,
    advise=schema.advise,
    advise_of_row=attachments.advise_of_row,
    check_secret=schema.check_password,
    list=listing.listing,
    read_limit=listing.limited,
    show=rows.show,
    read_detail=detail.read_detail,
    create=creation.create,
    update=updates.update,
    delete=releases.delete,
    leftovers=leftovers.leftovers,
    matching=Matching(matching.match, matching.resembles, matching.absence, matching.is_another),
    statuses=Statuses(rows.STATUSES, rows.ADVERSE, rows.RELEASING, gone=rows.DELETED, shows=("power",)),
    computed=("id", "private_address"),
    shown=rows.shown_of,
    facts=Facts(
        facts.facts,
        ("status", "private_addresses", "public_addresses"),
        firsts={"private_addresses": "private_address", "public_addresses": "public_address"},
    ),
    orders=Orders(
        pay=order_settlement.pay,
        cancel=order_settlement.cancel,
        traces=matching.traces,
        known=orders.known,
        resources=orders.resources,
        all_resources=orders.all_resources,
        order_of=orders.order_of,
        ends_its_order=releases.ends_its_order,
        deleted_alone=releases.deleted_alone,
        may_be_placed=charging.may_place_order,
        advise=schema.advise_of_purchase,
    ),
    billing=Billing(
        field="charging_info",
        observed=("charging_mode",),
        is_prepaid=charging.is_prepaid,
        shows_prepaid=charging.shows_prepaid,
        with_term=charging.with_term,
        sold_otherwise=charging.sold_otherwise,
        charging=creation.charging_of,
        charged=creation.charged,
        gives_up_a_term=releases.gives_up_a_term,
        is_subscribed=releases.is_subscribed,
        renewal=renewals.RENEWAL,
    ),
    reinstall=Reinstall(reinstallation.wiped, reinstallation.FAILED, reinstall_remarks.of_reinstallation),
    batch=Batch(batches.MOST, batches.buy, batches.advise),
    stock=StockCheck(schema.ware, attachments.advise_of_machine),
    adoption=Adoption(
        drafts.draft,
        drafts.HIDDEN,
        Terraform(terraform.RESOURCE, terraform.hidden, terraform.ACTIONS),
        drafts.particulars,
    ),
)
