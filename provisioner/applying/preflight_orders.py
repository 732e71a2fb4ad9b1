"""Checks what a release would end: a paid term, and everything that its order has bought. Both are checked right where
a release is sent.

A paid term ends only where a person allowed it: a saved plan may be older than the list, rows hide how a server is paid
for, and billing may be the only one that knows. A term may be given up if that was allowed for this run, if the address
was named for replacement, or if the release had begun already (docs/decisions/0026).

Releasing one prepaid server ends its whole order (API reference section 2.3). Billing knows servers that no list shows,
and servers whose rows do not name their order, so billing is asked what else the order has bought. Where no row and no
record names the order, it is searched for: billing is asked what the orders have bought that were placed before the
server was made. While the order is not known, nothing is unsubscribed without a person's permission
(docs/decisions/0010).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from provisioner.applying.cloud_reading import run_read
from provisioner.applying.ports import ChannelPort
from provisioner.applying.refusals import OrderShared, OrderUnseen, TermKept
from provisioner.applying.run_context import RunContext
from provisioner.model.action import Action, Reason
from provisioner.model.change import Change
from provisioner.model.flow import CallFailed, EndsTerm
from provisioner.model.guards import Allowance
from provisioner.model.journal import Remembered
from provisioner.model.kind import Kind
from provisioner.model.plan import Plan
from provisioner.model.resource import Live, Phase, Recorded

_TERM_CODES = frozenset({"prepaid-delete", "prepaid-replace", Allowance.TERM_ENDED})
"""The codes of those refusals that a person lifts by allowing that a paid term is given up."""


class TermCheck:
    """Checks that a paid term may be given up. One instance serves all changes of a run."""

    def __init__(self, context: RunContext) -> None:
        self._context = context

    def refuse_shown_term(self, change: Change) -> None:
        """Raises TermKept if the record or the row, as it is now, shows that a term would be given up and nobody
        allowed it.
        """
        recorded, kind = change.recorded, self._context.catalogue[change.kind]
        if recorded is not None and kind.billing.loses_paid_term(recorded, self._context.live_row(recorded)):
            self.refuse_term(change)

    def refuse_term(self, change: Change) -> None:
        """Raises TermKept unless a person allowed it."""
        if not may_give_up_term(self._context.plan, change):
            raise TermKept(replaced=change.action is Action.REPLACE or change.create_first)


class OrderCheck:
    """Checks that ending an order releases nothing that the plan keeps. One instance serves all changes of a run."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self.terms = TermCheck(context)
        self._searching = asyncio.Lock()
        self._found: dict[str, str] = {}
        """By server id: its order, where only billing names that."""
        self._cleared: set[str] = set()
        """The orders that have bought nothing that the plan keeps."""

    async def refuse_shared(self, kind: Kind, identifier: str | None, order_id: str) -> None:
        """Raises OrderShared, and CallFailed where billing does not say what the order has bought."""
        async with self._context.pool.borrow() as channel:
            bought = await bought_by(kind, order_id, channel)
            listed, unlisted = self._context.by_order.kept_among(identifier, bought)
            kept = [*listed, *await not_known_to_be_gone(kind, unlisted, channel)]
        is_recorded = any(each in self._context.owned_ids for each in kept)
        if is_recorded or len(kept) > self._context.by_order.count_unseen(order_id):
            raise OrderShared(kept)
        self._cleared.add(order_id)

    async def before_term_ends(self, change: Change, order_id: str | None, step: EndsTerm) -> Sequence[Remembered]:
        """Checks, right before the call that gives up a paid term, what billing knows of it. Returns the entries to
        write first. Raises TermKept, OrderShared, OrderUnseen and CallFailed. A release that has begun is not stopped.
        """
        self.terms.refuse_term(change)
        recorded, kind = change.recorded, self._context.catalogue[change.kind]
        known = order_id or step.order_id
        has_begun = recorded is not None and recorded.phase is Phase.DELETING
        if not step.ends_order or known in self._cleared or has_begun:
            return ()
        if known is not None:
            await self.refuse_shared(kind, step.id, known)
            return ()
        async with self._searching:
            found = self._found.get(step.id) or await self._search(kind, step)
            if found is not None and found not in self._cleared:
                await self.refuse_shared(kind, step.id, found)
        if found is None and Allowance.ORDER_UNSEEN not in self._context.plan.allowed:
            raise OrderUnseen
        together = self.released_together(step.id) if found is not None else ()
        return [
            Remembered(one.address, one.recorded.phase, order_id=found)
            for one in together
            if one.recorded is not None and one.recorded.order_id is None
        ]

    def released_together(self, identifier: str | None) -> Sequence[Change]:
        """Returns the releases of this plan that share the server's order, if only billing names that order; else
        nothing.
        """
        order_id = self._found.get(identifier or "")
        if order_id is None:
            return ()
        released = (change for change in self._context.plan.work if change.action in {Action.DELETE, Action.REPLACE})
        return [one for one in released if one.recorded and self._found.get(one.recorded.id or "") == order_id]

    async def _search(self, kind: Kind, step: EndsTerm) -> str | None:
        """Returns the order that has bought the server according to billing, and notes it for all servers of that
        order. None: it was not found.
        """
        async with self._context.pool.borrow() as channel:
            order_id = await run_read(kind.orders.find_order(step.id, step.created_at), channel)
            if order_id is not None:
                self._found |= dict.fromkeys(await bought_by(kind, order_id, channel), order_id)
        return order_id


def may_give_up_term(plan: Plan, change: Change) -> bool:
    """Whether a person allowed that the term of the server that this change releases is given up."""
    recorded, successor = change.recorded, _successor_of(plan, change)
    addresses = {change.address, *([successor.address] if successor else [])}
    if recorded is not None and (recorded.phase is Phase.DELETING or recorded.term_given_up):
        return True
    if any(one.code in _TERM_CODES and one.address in addresses for one in plan.lifted):
        return True
    if successor is not None:
        return _is_named(successor)
    return _is_named(change) if change.action is Action.REPLACE else Allowance.PREPAID_DELETE in plan.allowed


def _is_named(change: Change) -> bool:
    """Whether a person named the address with `--replace`."""
    return change.reason is Reason.REQUESTED


def _successor_of(plan: Plan, change: Change) -> Change | None:
    """Returns the change that buys, in this run, the successor of the server that `change` releases; None where there
    is none.
    """
    if change.reason is not Reason.DEPOSED:
        return None
    return next((one for one in plan.changes if one.create_first and one.address == change.address.successor), None)


def order_to_end(kind: Kind, recorded: Recorded, live: Live | None) -> str | None:
    """Returns the order that releasing the server would end; None if the server is gone or being released already."""
    if not kind.orders.ends_its_order(recorded, live):
        return None
    if live is None:
        return None if recorded.id is not None and recorded.observed else recorded.order_id
    return None if live.status in kind.statuses.releasing else recorded.order_id or live.order_id


async def bought_by(kind: Kind, order_id: str, channel: ChannelPort) -> tuple[str, ...]:
    """Returns the ids of the servers that the order has bought. Raises CallFailed where billing does not say, whatever
    a row shows: the release itself asks billing again whether it has to unsubscribe, and may get an answer then.
    """
    return await run_read(kind.orders.all_bought_ids(order_id), channel)


async def not_known_to_be_gone(kind: Kind, identifiers: Collection[str], channel: ChannelPort) -> list[str]:
    """Returns those of the unlisted servers that may still exist. Only "not found" proves that one is gone."""
    remaining = []
    for identifier in identifiers:
        try:
            row = await run_read(kind.show(identifier), channel)
        except CallFailed:
            remaining.append(identifier)
        else:
            if row is not None and row.status not in kind.statuses.releasing:
                remaining.append(identifier)
    return remaining
