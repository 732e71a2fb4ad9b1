"""Finds the orders that exist before a run buys anything: a reply that names one of them cannot be about its purchase.

The rows of servers, the records and other states name orders. An unpaid order has no server, so only billing knows it;
billing is asked only when a purchase may place an order (docs/decisions/0008).
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol

from provisioner.applying import CloudSnapshot, run_read
from provisioner.cloud import Cloud
from provisioner.model.action import Action
from provisioner.model.flow import CallFailed
from provisioner.model.kind import Catalogue
from provisioner.model.plan import Plan
from provisioner.model.purchase_policy import PurchasePolicy


class OtherOrders(Protocol):
    def __call__(self, *, needed: bool) -> Iterable[str]:
        """Returns the order ids of other states. Where they are not `needed`, because billing has listed all orders
        that may be open or none can be placed, some may be left out.
        """
        ...


def no_other_orders(*, needed: bool) -> Iterable[str]:  # noqa: ARG001 - the protocol's signature
    """Returns no id: there is no other state."""
    return ()


def has_purchases(plan: Plan) -> bool:
    return any(change.action in {Action.CREATE, Action.REPLACE} for change in plan.work)


async def known_orders(
    plan: Plan,
    snapshot: CloudSnapshot,
    cloud: Cloud,
    *,
    catalogue: Catalogue,
    policy: PurchasePolicy,
    other_orders: OtherOrders,
) -> tuple[frozenset[str], bool]:
    """Returns the ids of the known orders, and whether they include all orders that billing has.

    When billing does not answer, the other sources count alone.
    """
    found = {row.order_id for row in snapshot.live.values() if row.order_id is not None}
    now = cloud.time().latest()
    if now is None:
        return frozenset({*found, *other_orders(needed=True)}), False
    kinds, answered = sorted(_kinds_with_orders(plan, catalogue, policy)), 0
    for name in kinds:
        with suppress(CallFailed):
            async with cloud.channel() as channel:
                known = await run_read(catalogue[name].orders.possibly_open(now), channel)
            found |= set(known or ())
            answered += known is not None
    found |= {*other_orders(needed=answered < len(kinds))}
    return frozenset(found), bool(kinds) and answered == len(kinds)


def _kinds_with_orders(plan: Plan, catalogue: Catalogue, policy: PurchasePolicy) -> set[str]:
    return {
        change.kind
        for change in plan.work
        if change.action in {Action.CREATE, Action.REPLACE}
        and change.desired is not None
        and catalogue[change.kind].orders.may_place_order(change.desired.fields, policy)
    }
