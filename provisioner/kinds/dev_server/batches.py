"""Buys several DevServers that differ only in their names by one call. Experimental.

Source: docs/api/devserver-api.md sections 3.1 and 3.4. Of the answer to a `count` above 1 nothing is published but that
it is one object, so only its order id is trusted: the servers are found by their order, whatever their names
(docs/decisions/0010).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from provisioner.kinds.dev_server import charging, creation, rows, updates
from provisioner.model.capability import Advice
from provisioner.model.flow import Call, Effect, Ended, Flow, Remember, Service
from provisioner.model.purchase_policy import DEFAULT_POLICY, Prepaid, PurchasePolicy
from provisioner.model.resource import Desired, Fields, Phase

MAX_SERVERS = 10
"""The most servers that one call buys (section 3.1)."""


def buy(group: tuple[Desired, ...], policy: PurchasePolicy = DEFAULT_POLICY) -> Flow:
    """Buys the group under the name of its first server, and ends when the order is known.

    An id in the answer belongs to one of the servers and nothing says to which, so it is not learnt.
    """
    body = {**creation.request_body(group[0].fields, policy), "count": len(group)}
    reply = yield Call(
        Service.MODELARTS,
        "POST",
        rows.SERVERS,
        Effect.PURCHASE,
        body=body,
        id_fields=("order_id",),
        declares=updates.fields_once_built(group[0]),
    )
    wanted = charging.wanted_mode(group[0].fields, policy)
    shown = charging.modes_in_reply(reply)
    if (mismatch := (yield from charging.compare(wanted, shown, group[0].address))) is None:
        return Ended(Phase.ORDERING)
    yield Remember(Phase.ORDERING, sold=shown[0])
    return replace(mismatch, phase=Phase.ORDERING)


def advise(fields: Fields, policy: PurchasePolicy) -> Iterator[Advice]:
    """Refuses `order: together` for servers without an order to find them by, or that would each pay a shared order."""
    declared = fields.get("charging_info")
    if not isinstance(declared, Mapping) or declared.get("charging_mode") != "PRE_PAID":
        yield Advice(
            ("order",),
            "order-together",
            "order: together is for prepaid servers, because they are found by their order and others have none",
            "write charging_info with charging_mode: PRE_PAID, or remove order",
        )
    if policy.prepaid is Prepaid.TWO_STEP:
        yield Advice(
            ("order",),
            "order-together",
            "order: together and `purchase: {prepaid: two-step}` exclude each other",
            "remove one of the two; otherwise each server would pay the shared order",
        )
