"""Checks again, right before a server is released or bought, what may have changed since the plan was made.

To release a server and then be unable to buy its replacement would be the worst of both. An order ends as a whole, so
whatever forbids the release of one of its servers forbids it for all: they are checked once, together.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from provisioner.applying.cloud_reading import run_read
from provisioner.applying.dependencies import DependencyGate
from provisioner.applying.ports import OtherStatesPort
from provisioner.applying.preflight_names import NameCheck
from provisioner.applying.preflight_orders import OrderCheck, order_to_end
from provisioner.applying.preflight_readiness import ReadinessCheck
from provisioner.applying.refusals import GoneMeanwhile, NotAvailable, OrderShared, StatusUnknown, TermKept
from provisioner.applying.run_context import RunContext
from provisioner.model.action import Action, Reason
from provisioner.model.address import Address
from provisioner.model.change import Change, DeleteChange, ReplaceChange
from provisioner.model.diagnostic import UsageError, error
from provisioner.model.flow import Ended, EndsTerm
from provisioner.model.guards import Allowance
from provisioner.model.journal import Remembered
from provisioner.model.kind import Kind
from provisioner.model.release_facts import Availability, Offering
from provisioner.model.resource import Desired, Live, Phase, Recorded


class Preflight:
    """Checks again, right before a call, what may have changed since the plan was made. One instance serves all changes
    of a run.
    """

    def __init__(self, context: RunContext, gate: DependencyGate) -> None:
        self._context = context
        self._names = NameCheck(context)
        self._readiness = ReadinessCheck(context, gate)
        self._orders = OrderCheck(context)
        self._forgotten: set[Address] = set()
        self._checks: dict[str, asyncio.Future[None]] = {}
        """The checks of releases that end an order with several servers, by order."""

    async def await_turn(self, change: Change) -> None:
        """Returns when the change may begin. Raises Blocked."""
        await self._readiness.await_turn(change)

    async def refuse_taken_names(self, kind: Kind, wanted: Iterable[Desired]) -> None:
        """Raises NameTaken, and NameMayBeTaken unless a person allowed that: a saved plan may be older than the gap in
        the list.
        """
        for desired in wanted:
            await self._names.refuse_taken(kind, desired.name)

    async def refuse_shared_order(self, kind: Kind, recorded: Recorded, live: Live | None) -> None:
        """Raises OrderShared if the release would end an order with servers that the plan keeps: a saved plan may be
        older than the list. Billing is asked for the servers of the order that no list shows; raises CallFailed where
        it does not say.
        """
        self._refuse_order_listed_as_shared(kind, recorded, live)
        if (order_id := order_to_end(kind, recorded, live)) is not None:
            await self._orders.refuse_shared(kind, recorded.id, order_id)

    def _refuse_order_listed_as_shared(self, kind: Kind, recorded: Recorded, live: Live | None) -> None:
        kept = self._context.by_order.kept_with(recorded) if kind.orders.ends_its_order(recorded, live) else []
        if kept:
            raise OrderShared([row.id for row in kept])

    async def refuse_unknown_status(self, kind: Kind, recorded: Recorded) -> None:
        """Raises StatusUnknown: the server may show an unknown status by now, if the plan was saved or if its turn
        comes late. A release that has begun is not stopped.
        """
        row = await self._readiness.row_of(recorded)
        is_allowed = Allowance.UNKNOWN_STATUS in self._context.plan.allowed or recorded.phase is Phase.DELETING
        if row is not None and row.status not in kind.statuses.known and not is_allowed:
            raise StatusUnknown(row.status)

    def kept_after_doubt(self, kind: Kind, recorded: Recorded) -> Ended | None:
        """Returns why a server is kept that was still in doubt when the guards checked the plan; None where it may be
        released.
        """
        allowed = self._context.plan.allowed
        if recorded.protected and Allowance.PROTECTED not in allowed:
            return Ended(
                Phase.CREATING,
                "it was found and recorded, and is protected by lifecycle.prevent_destroy",
                "to release it, first apply prevent_destroy: false",
            )
        live = self._context.live_row(recorded)
        if kind.billing.is_prepaid(recorded, live) and Allowance.PREPAID_DELETE not in allowed:
            return Ended(
                Phase.CREATING,
                "it was found and recorded, and is prepaid",
                "to release it before its term ends: --allow prepaid-delete",
            )
        return None

    def before_adoption(self, kind: Kind, recorded: Recorded, other_states: OtherStatesPort) -> None:
        """Raises GoneMeanwhile, and UsageError `server-owned` if another state has the server by now."""
        row = self._context.live_row(recorded)
        if row is None or row.status in kind.statuses.releasing:
            raise GoneMeanwhile
        if row.id in other_states([row]):
            summary = f"{kind.noun} {row.id} belongs to another state now; nothing was recorded"
            raise UsageError(error("server-owned", summary, hint="plan again: it names that state"))

    async def before_release(self, change: DeleteChange | ReplaceChange) -> None:
        """Checks a release together with the releases that its order takes along, and raises for all of them alike:
        NameTaken, NameMayBeTaken, OrderShared, StatusUnknown, SuccessorNotReady, TermKept or NotAvailable.
        """
        together, order_id = self._released_together(change), change.recorded.order_id
        if order_id is None or len(together) == 1:
            await self._check_release(together)
            return
        if order_id not in self._checks:
            self._checks[order_id] = asyncio.ensure_future(self._check_release(together))
        await self._checks[order_id]

    async def before_successor(self, address: Address) -> None:
        """Checks, before a server's successor is bought, whether the release that comes after it would be refused.
        Raises what `before_release` and `before_term_ends` raise, but for SuccessorNotReady. Billing is asked here for
        what only billing knows.
        """
        for change in self._context.plan.work:
            if change.address != address.as_deposed:
                continue
            try:
                await self._check_together(self._released_together(change))
                await self._refuse_subscribed(change)
            except TermKept:
                raise TermKept(replaced=True) from None

    async def _refuse_subscribed(self, change: Change) -> None:
        """Raises what `before_term_ends` raises, if billing says that the server is paid for in advance."""
        kind, recorded = self._context.catalogue[change.kind], change.recorded
        if recorded is None or (live := self._context.live_row(recorded)) is None:
            return
        async with self._context.pool.borrow() as channel:
            subscribed = await run_read(kind.billing.is_subscribed(live), channel)
        if subscribed and kind.billing.loses_paid_term(recorded, live, subscribed=True):
            ends_order = kind.orders.ends_its_order(recorded, live, subscribed=True)
            step = EndsTerm(live.id, ends_order, live.order_id, live.created_at)
            await self._orders.before_term_ends(change, recorded.order_id, step)

    def note_forgotten(self, change: Change) -> Sequence[Remembered]:
        """Notes that the server of `change` is gone and is being forgotten. Returns entries that mark the other servers
        of its order as being released. Without them nothing would show, after a death, that those are gone because we
        released them.
        """
        self._forgotten.add(change.address)
        together = self._released_together(change)
        if change not in together:  # it is not gone by a release
            return ()
        others = (each for each in together if each.address not in self._forgotten)
        return [
            Remembered(each.address, Phase.DELETING)
            for each in others
            if each.recorded is not None and each.recorded.id
        ]

    def _released_together(self, change: Change) -> Sequence[Change]:
        """Returns the changes whose servers end with this release: itself, and those that release servers of the same
        order.
        """
        kind, recorded = self._context.catalogue[change.kind], change.recorded
        if recorded is not None and (together := self._orders.released_together(recorded.id)):
            return together
        if (
            recorded is None
            or recorded.order_id is None
            or not kind.orders.ends_its_order(recorded, self._context.live_row(recorded))
        ):
            return (change,)
        return self._releases_by_order[recorded.order_id]

    @cached_property
    def _releases_by_order(self) -> Mapping[str, Sequence[Change]]:
        """The changes that release a server, by the order that bought it."""
        released: defaultdict[str, list[Change]] = defaultdict(list)
        for change in self._context.plan.work:
            order_id = change.recorded.order_id if change.recorded else None
            is_gone = change.action is Action.FORGET and change.reason is Reason.UNDER_WAY
            if order_id is not None and (is_gone or change.action in {Action.DELETE, Action.REPLACE}):
                released[order_id].append(change)
        return released

    async def _check_release(self, together: Sequence[Change]) -> None:
        """Checks what is also checked before successors are bought, and then whether the successors are ready."""
        await self._check_together(together)
        deposed = [change for change in together if change.reason is Reason.DEPOSED]
        if not any(change.recorded is not None and change.recorded.phase is Phase.DELETING for change in together):
            await self._readiness.before_release(deposed)

    async def _check_together(self, together: Iterable[Change]) -> None:
        """Checks whether all of these changes may release their servers, and whether their replacements
        can be bought.
        """
        replaced: list[tuple[Kind, Desired]] = []
        ending: dict[str, tuple[Kind, Recorded]] = {}
        has_begun = False
        for change in together:
            kind, recorded = self._context.catalogue[change.kind], change.recorded
            if change.action is Action.REPLACE and change.desired is not None:
                await self.refuse_taken_names(kind, (change.desired,))
                replaced.append((kind, change.desired))
            if recorded is not None:
                await self.refuse_unknown_status(kind, recorded)
                self._orders.terms.refuse_shown_term(change)
                self._refuse_order_listed_as_shared(kind, recorded, self._context.live_row(recorded))
                if order_id := order_to_end(kind, recorded, self._context.live_row(recorded)):
                    ending.setdefault(order_id, (kind, recorded))
                has_begun = has_begun or recorded.phase is Phase.DELETING
        if not has_begun:  # a release that has begun is not stopped
            offerings = [kind.stock.offering(desired.fields, self._context.policy) for kind, desired in replaced]
            await self._refuse_unavailable(dict.fromkeys(filter(None, offerings)), wipes=False)
        for kind, recorded in ending.values():
            await self.refuse_shared_order(kind, recorded, self._context.live_row(recorded))

    async def before_term_ends(self, change: Change, order_id: str | None, step: EndsTerm) -> Sequence[Remembered]:
        """Returns the entries to write right before the call that gives up a paid term. Raises what
        OrderCheck raises.
        """
        return await self._orders.before_term_ends(change, order_id, step)

    async def before_wipe(self, change: Change) -> None:
        """Raises StatusUnknown, and NotAvailable if the image to install cannot be had: the server would be stopped for
        nothing.
        """
        if change.recorded is not None and any(item.reinstalls for item in change.fields):
            await self.refuse_unknown_status(self._context.catalogue[change.kind], change.recorded)
        image = self._context.catalogue[change.kind].image_to_install(change)
        if image is not None:
            await self._refuse_unavailable((image,), wipes=True)

    async def _refuse_unavailable(self, offerings: Iterable[Offering], *, wipes: bool) -> None:
        """Raises NotAvailable for what is no longer on sale: it may have been when the plan was made."""
        stock = self._context.stock
        if stock is None or self._context.interruption.requested:
            return
        for offering in offerings:
            offer = await stock.offer(offering)
            is_allowed = (
                offer.availability is Availability.NOT_LISTED and Allowance.NOT_LISTED in self._context.plan.allowed
            )
            if offer.is_unavailable and not is_allowed:
                raise NotAvailable(offer, wipes=wipes)
