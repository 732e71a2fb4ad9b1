"""What may have changed since a plan was made, asked once more right before a server is released or bought.

To release and then not to be able to buy would be the worst of both. An order ends as a whole, so that whatever forbids one of its
servers to go forbids it to all: they are asked about once, together.
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
    """Checks once more, right before a call, what may have changed since the plan was made. One value serves all changes of a run."""

    def __init__(self, context: RunContext, gate: DependencyGate) -> None:
        self._context = context
        self._names = NameCheck(context)
        self._readiness = ReadinessCheck(context, gate)
        self._orders = OrderCheck(context)
        self._forgotten: set[Address] = set()
        self._asked: dict[str, asyncio.Future[None]] = {}
        """By order, of those that buy several."""

    async def await_turn(self, change: Change) -> None:
        """Returns when the change may begin. Raises Blocked."""
        await self._readiness.await_turn(change)

    async def refuse_strangers(self, kind: Kind, wanted: Iterable[Desired]) -> None:
        """Raises NameTaken, and MayBeTaken where nobody allowed it: a saved plan may be older than the gap."""
        for desired in wanted:
            await self._names.refuse_stranger(kind, desired.name)

    async def refuse_companions(self, kind: Kind, recorded: Recorded, live: Live | None) -> None:
        """Raises OrderShared: a saved plan may be older than the last look, and an order is ended as a whole. Billing is asked for those
        that no list shows as of that order: raises CallFailed where it does not say.
        """
        self._refuse_listed_companions(kind, recorded, live)
        if (order_id := order_to_end(kind, recorded, live)) is not None:
            await self._orders.refuse_companions(kind, recorded.id, order_id)

    def _refuse_listed_companions(self, kind: Kind, recorded: Recorded, live: Live | None) -> None:
        others = self._context.by_order.companions(recorded) if kind.orders.ends_its_order(recorded, live) else []
        if others:
            raise OrderShared([row.id for row in others])

    async def refuse_unknown_status(self, kind: Kind, recorded: Recorded) -> None:
        """Raises StatusUnknown: a saved plan is older than the last look, and so is a plan whose turn comes late. A release that has begun is
        not undone.
        """
        row = await self._readiness.row_of(recorded)
        is_allowed = Allowance.UNKNOWN_STATUS in self._context.plan.allowed or recorded.phase is Phase.DELETING
        if row is not None and row.status not in kind.statuses.known and not is_allowed:
            raise StatusUnknown(row.status)

    def kept_after_doubt(self, kind: Kind, recorded: Recorded) -> Ended | None:
        """Returns why a server is kept that was only a doubt when the guards judged the plan; None where it may be released."""
        allowed = self._context.plan.allowed
        if recorded.protected and Allowance.PROTECTED not in allowed:
            return Ended(
                Phase.CREATING,
                "it was found and recorded, and is protected by lifecycle.prevent_destroy",
                "apply with prevent_destroy: false first, if it really is to go",
            )
        live = self._context.live_row(recorded)
        if kind.billing.is_prepaid(recorded, live) and Allowance.PREPAID_DELETE not in allowed:
            return Ended(
                Phase.CREATING,
                "it was found and recorded, and is prepaid",
                "if it is to be released before its term ends: --allow prepaid-delete",
            )
        return None

    def before_adoption(self, kind: Kind, recorded: Recorded, other_states: OtherStatesPort) -> None:
        """Raises GoneMeanwhile, and UsageError where another state has it by now."""
        row = self._context.live_row(recorded)
        if row is None or row.status in kind.statuses.releasing:
            raise GoneMeanwhile
        if row.id in other_states([row]):
            summary = f"{kind.noun} {row.id} is another state's by now; nothing was recorded"
            raise UsageError(error("server-owned", summary, hint="plan again: it names that state"))

    async def before_release(self, change: DeleteChange | ReplaceChange) -> None:
        """Raises NameTaken, MayBeTaken, OrderShared, StatusUnknown, SuccessorNotReady, TermKept or NotAvailable, and then for everybody who would go
        along.
        """
        along, order_id = self._going_along(change), change.recorded.order_id
        if order_id is None or len(along) == 1:
            await self._ask_last(along)
            return
        if order_id not in self._asked:
            self._asked[order_id] = asyncio.ensure_future(self._ask_last(along))
        await self._asked[order_id]

    async def before_successor(self, address: Address) -> None:
        """As `before_release`, before what replaces a server is bought: its release, which comes after that, would be refused. What only
        billing knows of that is asked of it here, too.
        """
        for change in self._context.plan.work:
            if change.address != address.as_deposed:
                continue
            try:
                await self._ask(self._going_along(change))
                await self._refuse_subscribed(change)
            except TermKept:
                raise TermKept(replaced=True) from None

    async def _refuse_subscribed(self, change: Change) -> None:
        kind, recorded = self._context.catalogue[change.kind], change.recorded
        if recorded is None or (live := self._context.live_row(recorded)) is None:
            return
        async with self._context.pool.borrow() as channel:
            subscribed = await run_read(kind.billing.is_subscribed(live), channel)
        if subscribed and kind.billing.gives_up_a_term(recorded, live, subscribed=True):
            ends_order = kind.orders.ends_its_order(recorded, live, subscribed=True)
            step = EndsTerm(live.id, ends_order, live.order_id, live.created_at)
            await self._orders.before_end(change, recorded.order_id, step)

    def left_of_its_order(self, change: Change) -> Sequence[Remembered]:
        """Of a server that is gone, and forgotten from now on: the others that went with it, as leaving. Without that nothing
        would say, after a death, that they are gone because we have released them.
        """
        self._forgotten.add(change.address)
        along = self._going_along(change)
        if change not in along:  # it is not gone by a release
            return ()
        others = (each for each in along if each.address not in self._forgotten)
        return [
            Remembered(each.address, Phase.DELETING)
            for each in others
            if each.recorded is not None and each.recorded.id
        ]

    def _going_along(self, change: Change) -> Sequence[Change]:
        """Returns the changes that release something of what this release ends, itself among them."""
        kind, recorded = self._context.catalogue[change.kind], change.recorded
        if recorded is not None and (along := self._orders.going_along(recorded.id)):
            return along
        if (
            recorded is None
            or recorded.order_id is None
            or not kind.orders.ends_its_order(recorded, self._context.live_row(recorded))
        ):
            return (change,)
        return self._released[recorded.order_id]

    @cached_property
    def _released(self) -> Mapping[str, Sequence[Change]]:
        """All changes that release something, by the order that bought it."""
        released: defaultdict[str, list[Change]] = defaultdict(list)
        for change in self._context.plan.work:
            order_id = change.recorded.order_id if change.recorded else None
            is_gone = change.action is Action.FORGET and change.reason is Reason.UNDER_WAY
            if order_id is not None and (is_gone or change.action in {Action.DELETE, Action.REPLACE}):
                released[order_id].append(change)
        return released

    async def _ask_last(self, along: Sequence[Change]) -> None:
        """Asks what is asked before successors are bought, and then whether those successors are ready."""
        await self._ask(along)
        deposed = [change for change in along if change.reason is Reason.DEPOSED]
        if not any(change.recorded is not None and change.recorded.phase is Phase.DELETING for change in along):
            await self._readiness.before_release(deposed)

    async def _ask(self, along: Iterable[Change]) -> None:
        replaced: list[tuple[Kind, Desired]] = []
        ending: dict[str, tuple[Kind, Recorded]] = {}
        has_begun = False
        for change in along:
            kind, recorded = self._context.catalogue[change.kind], change.recorded
            if change.action is Action.REPLACE and change.desired is not None:
                await self.refuse_strangers(kind, (change.desired,))
                replaced.append((kind, change.desired))
            if recorded is not None:
                await self.refuse_unknown_status(kind, recorded)
                self._orders.terms.refuse_shown_term(change)
                self._refuse_listed_companions(kind, recorded, self._context.live_row(recorded))
                if order_id := order_to_end(kind, recorded, self._context.live_row(recorded)):
                    ending.setdefault(order_id, (kind, recorded))
                has_begun = has_begun or recorded.phase is Phase.DELETING
        if not has_begun:  # a release that has begun is not undone
            wares = [kind.stock.offering(desired.fields, self._context.policy) for kind, desired in replaced]
            await self._refuse_unavailable(dict.fromkeys(filter(None, wares)), wipes=False)
        for kind, recorded in ending.values():
            await self.refuse_companions(kind, recorded, self._context.live_row(recorded))

    async def before_end(self, change: Change, order_id: str | None, step: EndsTerm) -> Sequence[Remembered]:
        """Returns what to write down right before the call that gives up a paid term. Raises what OrderCheck raises."""
        return await self._orders.before_end(change, order_id, step)

    async def before_wipe(self, change: Change) -> None:
        """Raises NotAvailable where the image that is to be put on its disk cannot be had: it would be stopped for nothing. And
        StatusUnknown.
        """
        if change.recorded is not None and any(item.reinstalls for item in change.fields):
            await self.refuse_unknown_status(self._context.catalogue[change.kind], change.recorded)
        ware = self._context.catalogue[change.kind].image_to_install(change)
        if ware is not None:
            await self._refuse_unavailable((ware,), wipes=True)

    async def _refuse_unavailable(self, wares: Iterable[Offering], *, wipes: bool) -> None:
        """Raises NotAvailable for what is no longer on sale: the plan may be older."""
        stock = self._context.stock
        if stock is None or self._context.interruption.requested:
            return
        for ware in wares:
            offer = await stock.offer(ware)
            allowed = (
                offer.availability is Availability.NOT_LISTED and Allowance.NOT_LISTED in self._context.plan.allowed
            )
            if offer.is_unavailable and not allowed:
                raise NotAvailable(offer, wipes=wipes)
