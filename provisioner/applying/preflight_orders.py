"""What a release would end: a paid term, and all that its order has bought. Unsubscribing ends a whole order, so billing is asked about it right before.

Where no row and no record names the order, it is looked for: billing is asked what the orders have bought that were placed before the
server was made. While it is not known, nothing is unsubscribed without a person's leave (docs/decisions/0010).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from provisioner.applying.companions import bought_by, not_known_to_be_gone
from provisioner.applying.reading import run_read
from provisioner.applying.run_context import RunContext
from provisioner.applying.term_guard import TermCheck
from provisioner.model.change import Action, Change
from provisioner.model.flow import EndsTerm
from provisioner.model.guarding import Allowance
from provisioner.model.journal import Remembered
from provisioner.model.kind import Kind
from provisioner.model.resource import Phase


class OrderShared(Exception):  # noqa: N818 - a decision, not a malfunction
    """Ending the order would release others that the plan does not name."""

    def __init__(self, others: Sequence[str]) -> None:
        super().__init__(", ".join(others))
        self.others = others


class OrderUnseen(Exception):  # noqa: N818 - a decision, not a malfunction
    """Ending an order that nobody names might release others that the plan does not name."""


class OrderCheck:
    """One for all changes of a run."""

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
        """The releases of this plan that share an order which only billing names; nothing where it is no such order."""
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
