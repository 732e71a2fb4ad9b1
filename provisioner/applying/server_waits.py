"""Performs the waits of one address: for the row of its server, by the list that all changes of a run share.

A run that was told not to wait (`--no-wait`) reads the list once instead. What protects money is waited for all the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from functools import partial

from provisioner.applying.address_progress import AddressProgress, EventReporter
from provisioner.applying.first_purchases import LONGEST_WAIT, purchase_class
from provisioner.applying.intents import IntentJournal
from provisioner.applying.list_snapshot import NotAwaited, TimedOut
from provisioner.applying.run_context import RunContext
from provisioner.model.change import Change
from provisioner.model.flow import ChargingShown, Remark, Wait
from provisioner.model.kind import Kind
from provisioner.model.resource import Live

_LONGEST_LOOK = 60.0
"""How many seconds a run that does not wait tries to read the list once for a change."""
_CHARGING_UNSEEN = Remark(
    "charging-unseen",
    "the cloud shows neither its charging mode nor its order, so nobody knows how it is charged",
    "look at it in the console; the others of its flavor are bought anyway",
)


@dataclass(slots=True)
class ServerWaits:
    """The waits of one change. `timeout`, in seconds, bounds all of them together."""

    context: RunContext
    kind: Kind
    change: Change
    progress: AddressProgress
    reporter: EventReporter
    timeout: float
    _deadline: float | None = None
    _charging_deadline: float | None = None
    """Until when a run that does not wait for builds waits for the charging mode of a first purchase."""

    async def perform(self, wait: Wait) -> Live | None:
        self.reporter.start()
        now = self.context.clock.monotonic()
        self._deadline = now + self.timeout if self._deadline is None else self._deadline
        if now >= self._deadline:
            raise TimedOut
        row = await (self._look(wait, now) if self.context.no_wait else self._find(wait, self._deadline))
        if row is not None and (purchase := self.progress.unverified_purchase) is not None:
            self.progress.unverified_purchase = None
            if self.kind.is_mismatch(purchase, row):
                raise await IntentJournal(self.context, self.kind, self.change, self.progress).reopen(purchase, row)
        return row

    def _find(self, wait: Wait, deadline: float, *, only_looks: bool = False) -> Awaitable[Live | None]:
        choose, watch = partial(self._choose, wait), self.reporter.report_status
        return self.context.poll.wait(wait, choose, deadline=deadline, watch=watch, only_looks=only_looks)

    async def _look(self, wait: Wait, now: float) -> Live | None:
        """Performs a wait of a run that does not wait for builds: reads the list once. Raises NotAwaited unless that
        settles it.

        Only the charging mode of a first purchase is waited for, as long as the other purchases of its class would wait
        for it: else each of them would be a first one, and none would have shown how it is charged.
        """
        is_charging_awaited = self._is_charging_awaited(now)
        deadline = self._charging_deadline if is_charging_awaited else None
        try:
            return await self._find(wait, deadline or now + _LONGEST_LOOK, only_looks=not is_charging_awaited)
        except TimedOut:
            if is_charging_awaited:
                await self.note_sale(ChargingShown(None))
            raise NotAwaited from None

    def _is_charging_awaited(self, now: float) -> bool:
        key = purchase_class(self.kind, self.change, self.context.policy)
        if key is None or self.context.purchases_by_class[key] <= 1:
            return False
        if not self.context.first_purchases.is_first(self.change.address):
            return False
        self._charging_deadline = self._charging_deadline or now + LONGEST_WAIT
        return True

    def _choose(self, wait: Wait, rows: Sequence[Live]) -> Live | None:
        """Chooses the row of this address. A row that only billing assigns to us is left out if another state holds it.
        For an order of this run, so is every row that was there before the run.
        """
        if wait.order_id is not None and wait.order_id not in self.context.known_orders:
            rows = [row for row in rows if row.id not in self.context.listed_ids]
        billed = tuple(row for row in rows if row.id in wait.ids)
        claimed = self.context.other_states(billed) if billed else ()
        return self.context.ids.assign_row(self.change.address, [row for row in rows if row.id not in claimed])

    async def note_sale(self, sold: ChargingShown) -> None:
        is_first = self.context.first_purchases.note_sale(self.change.address, as_wanted=sold.as_wanted)
        if sold.as_wanted is None and is_first:
            self.reporter.remark(_CHARGING_UNSEEN)
