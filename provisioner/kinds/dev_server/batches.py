"""How several DevServers that are alike but for their names are bought by one call. Experimental.

Source: docs/api/devserver-api.md sections 3.1 and 3.4. What `count` above 1 answers is not published but for its being one
object: only the order is believed, and the servers are found by it, whatever they are called (docs/decisions/0010).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from provisioner.kinds.dev_server import charging, creation, rows, updates
from provisioner.model.capability import Advice
from provisioner.model.flow import Call, Effect, Ended, Flow, Remember, Service
from provisioner.model.purchase_policy import DEFAULT_POLICY, Prepaid, PurchasePolicy
from provisioner.model.resource import Desired, Fields, Phase

MOST = 10
"""Of one call (section 3.1)."""


def buy(group: tuple[Desired, ...], policy: PurchasePolicy = DEFAULT_POLICY) -> Flow:
    """Sent under the first one's name. An id that is answered names one of them, nobody says which, so it teaches nothing."""
    body = {**creation.request_body(group[0].fields, policy), "count": len(group)}
    reply = yield Call(
        Service.MODELARTS,
        "POST",
        rows.SERVERS,
        Effect.PURCHASE,
        body=body,
        id_fields=("order_id",),
        declares=updates.bought(group[0]),
    )
    wanted = charging.wanted(group[0].fields, policy)
    shown = charging.answered(reply)
    if (otherwise := (yield from charging.compare(wanted, shown, group[0].address))) is None:
        return Ended(Phase.ORDERING)
    yield Remember(Phase.ORDERING, sold=shown[0])
    return replace(otherwise, phase=Phase.ORDERING)


def advise(fields: Fields, policy: PurchasePolicy) -> Iterator[Advice]:
    declared = fields.get("charging_info")
    if not isinstance(declared, Mapping) or declared.get("charging_mode") != "PRE_PAID":
        yield Advice(
            ("order",),
            "order-together",
            "order: together is for prepaid servers: they are found by their order, and others have none",
            "write charging_info with charging_mode: PRE_PAID, or leave order out",
        )
    if policy.prepaid is Prepaid.TWO_STEP:
        yield Advice(
            ("order",),
            "order-together",
            "order: together and `purchase: {prepaid: two-step}` exclude each other",
            "leave one of the two out: each server would pay the order that they share",
        )
