"""What a release would end: a paid term, and all that its order has bought. Both are asked about at the place where a release is sent.

A paid term ends only where a person said that it may: a saved plan is older than the last look, rows hide how a server is paid for, and
billing may be the only one that knows. What is given up was allowed for this run, or named for its replacement, or its release had begun
already (docs/decisions/0026).

To release one prepaid server ends its whole order (API reference section 2.3), so billing, which knows servers that stand in no list and
rows that do not name their order, is asked what else the order has bought. Where no row and no record names the order, it is looked for:
billing is asked what the orders have bought that were placed before the server was made. While it is not known, nothing is unsubscribed
without a person's leave (docs/decisions/0010).
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

_LIFTING = frozenset({"prepaid-delete", "prepaid-replace", Allowance.TERM_ENDED})


class TermCheck:
    """Checks that a paid term may be given up. One value serves all changes of a run."""

    def __init__(self, context: RunContext) -> None:
        self._context = context

    def refuse_shown_term(self, change: Change) -> None:
        """Raises TermKept where the record or the row, as it is now, says that a term would be given up."""
        recorded, kind = change.recorded, self._context.catalogue[change.kind]
        if recorded is not None and kind.billing.gives_up_a_term(recorded, self._context.live_row(recorded)):
            self.refuse_term(change)

    def refuse_term(self, change: Change) -> None:
        """Raises TermKept unless a person allowed it."""
        if not is_allowed(self._context.plan, change):
            raise TermKept(replaced=change.action is Action.REPLACE or change.create_first)


class OrderCheck:
    """Checks that ending an order releases nothing that the plan keeps. One value serves all changes of a run."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self.terms = TermCheck(context)
        self._searching = asyncio.Lock()
        self._found: dict[str, str] = {}
        """By a server's id, the order that billing knows it by and nothing else names."""
        self._cleared: set[str] = set()
        """Orders of which nothing goes that the plan does not release."""

    async def refuse_companions(self, kind: Kind, identifier: str | None, order_id: str) -> None:
        """Raises OrderShared, and CallFailed where billing does not say what the order has bought."""
        async with self._context.pool.borrow() as channel:
            bought = await bought_by(kind, order_id, channel)
            listed, unlisted = self._context.by_order.not_leaving(identifier, bought)
            others = [*listed, *await not_known_to_be_gone(kind, unlisted, channel)]
        is_held = any(each in self._context.owned_ids for each in others)
        if is_held or len(others) > self._context.by_order.awaited_of(order_id):
            raise OrderShared(others)
        self._cleared.add(order_id)

    async def before_end(self, change: Change, order_id: str | None, step: EndsTerm) -> Sequence[Remembered]:
        """Right before the call that gives up a paid term, by billing's word: what to write down first. Raises TermKept, OrderShared,
        OrderUnseen and CallFailed; a release that has begun is not undone.
        """
        self.terms.refuse_term(change)
        recorded, kind = change.recorded, self._context.catalogue[change.kind]
        known = order_id or step.order_id
        has_begun = recorded is not None and recorded.phase is Phase.DELETING
        if not step.ends_order or known in self._cleared or has_begun:
            return ()
        if known is not None:
            await self.refuse_companions(kind, step.id, known)
            return ()
        async with self._searching:
            found = self._found.get(step.id) or await self._search(kind, step)
            if found is not None and found not in self._cleared:
                await self.refuse_companions(kind, step.id, found)
        if found is None and Allowance.ORDER_UNSEEN not in self._context.plan.allowed:
            raise OrderUnseen
        together = self.going_along(step.id) if found is not None else ()
        return [
            Remembered(one.address, one.recorded.phase, order_id=found)
            for one in together
            if one.recorded is not None and one.recorded.order_id is None
        ]

    def going_along(self, identifier: str | None) -> Sequence[Change]:
        """Returns the releases of this plan that share an order which only billing names; nothing where a record names it."""
        order_id = self._found.get(identifier or "")
        if order_id is None:
            return ()
        released = (change for change in self._context.plan.work if change.action in {Action.DELETE, Action.REPLACE})
        return [one for one in released if one.recorded and self._found.get(one.recorded.id or "") == order_id]

    async def _search(self, kind: Kind, step: EndsTerm) -> str | None:
        async with self._context.pool.borrow() as channel:
            order_id = await run_read(kind.orders.order_of(step.id, step.created_at), channel)
            if order_id is not None:
                self._found |= dict.fromkeys(await bought_by(kind, order_id, channel), order_id)
        return order_id


def is_allowed(plan: Plan, change: Change) -> bool:
    """Whether a person allowed to give up the term of what this change releases."""
    recorded, origin = change.recorded, _deposing(plan, change)
    addresses = {change.address, *([origin.address] if origin else [])}
    if recorded is not None and (recorded.phase is Phase.DELETING or recorded.term_given_up):
        return True
    if any(one.code in _LIFTING and one.address in addresses for one in plan.lifted):
        return True
    if origin is not None:
        return _is_named(origin)
    return _is_named(change) if change.action is Action.REPLACE else Allowance.PREPAID_DELETE in plan.allowed


def _is_named(change: Change) -> bool:
    """Whether a person named the address with `--replace`."""
    return change.reason is Reason.REQUESTED


def _deposing(plan: Plan, change: Change) -> Change | None:
    """Returns the change that buys, in this run, the successor of the server that is released."""
    if change.reason is not Reason.DEPOSED:
        return None
    return next((one for one in plan.changes if one.create_first and one.address == change.address.successor), None)


def order_to_end(kind: Kind, recorded: Recorded, live: Live | None) -> str | None:
    """Returns the order that releasing it would end by now: none where it is on its way out, or gone."""
    if not kind.orders.ends_its_order(recorded, live):
        return None
    if live is None:
        return None if recorded.id is not None and recorded.observed else recorded.order_id
    return None if live.status in kind.statuses.releasing else recorded.order_id or live.order_id


async def bought_by(kind: Kind, order_id: str, channel: ChannelPort) -> tuple[str, ...]:
    """Ids. Raises CallFailed where billing does not say, whatever a row shows: which way a release takes is asked of billing once more,
    and may be answered then.
    """
    return await run_read(kind.orders.all_resources(order_id), channel)


async def not_known_to_be_gone(kind: Kind, identifiers: Collection[str], channel: ChannelPort) -> list[str]:
    """Returns those of the unlisted servers that may still exist: only "not found" says that one is gone."""
    there = []
    for identifier in identifiers:
        try:
            row = await run_read(kind.show(identifier), channel)
        except CallFailed:
            there.append(identifier)
        else:
            if row is not None and row.status not in kind.statuses.releasing:
                there.append(identifier)
    return there
