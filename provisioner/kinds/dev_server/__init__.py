"""The DevServer: an AI server of ModelArts, pay-per-use or bought by the month.

Everything the other rooms need is the value KIND. The folder is split by question: `schema` (what may be written in a
spec), `rows` (what the API shows), `buying`, `grouping` and `releasing` (how one talks to it), `ordering` (what a person says of
an unpaid order), `renewing` (what happens at the end of a term), `recognition` (is this row ours).
"""

from __future__ import annotations

from provisioner.kinds.dev_server import buying, grouping, ordering, recognition, releasing, renewing, rows, schema
from provisioner.model.kind import FieldRule, Kind, OnChange, Together

RULES = (
    FieldRule(("name",), OnChange.IN_PLACE, shown=True),
    FieldRule(("flavor",), shown=True),
    FieldRule(("resource_flavor",), shown=True),
    FieldRule(("image_id",), shown=True),
    FieldRule(("key_pair_name",), shown=True),
    FieldRule(("network", "vpc_id"), shown=True),
    FieldRule(("network", "subnet_id"), shown=True),
    FieldRule(("charging_info", "charging_mode"), shown=True),
    FieldRule(renewing.RENEWAL, OnChange.IN_PLACE, shown=True),
    FieldRule(("admin_pass",), secret=True),
    FieldRule(("userdata",), content=True),
)

KIND = Kind(
    name="dev_server",
    section="servers",
    title="server",
    schema=schema.DevServer,
    rules=RULES,
    advise=schema.advise,
    check_secret=schema.check_password,
    listing=rows.listing,
    show=rows.show,
    create=buying.create,
    update=buying.update,
    delete=releasing.delete,
    pay=ordering.pay,
    cancel=ordering.cancel,
    match=recognition.match,
    traces=recognition.traces,
    absence=recognition.absence,
    longest_name=schema.LONGEST_NAME,
    adverse=rows.ADVERSE,
    releasing=rows.RELEASING,
    prepaid=rows.prepaid,
    together=Together(grouping.MOST, grouping.buy, grouping.advise),
    ends_its_order=releasing.ends_its_order,
    renewal=renewing.RENEWAL,
)
