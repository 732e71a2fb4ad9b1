"""One list read a tick for everybody who waits, however many they are.

It looks at once when somebody starts to wait, then after 0.2, 0.5, 1, 2 ... 10 seconds; while new waiters keep coming, once a
second, or less often where the list is long (`poll_pace.py`). A reading that misses rows tells of those it has; one that fails is no news; one that is refused, or fails five times in a row, ends every wait.

What is waited for by an id that the list lacks is asked for alone, a few of them a look: it may stand in no list at all. Whoever is found so
proves that the list lacks servers.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TypeAlias

from provisioner.applying.cloud_reading import read_lists, run_read
from provisioner.applying.interruption import Interruption
from provisioner.applying.poll_pace import PAUSES, STEADY, PollPace
from provisioner.applying.ports import ChannelPort, ClockPort
from provisioner.model.flow import CallFailed, Outcome, PartialListing, Wait
from provisioner.model.kind import Kind
from provisioner.model.list_gap import ListGap, find_unlisted
from provisioner.model.resource import Live

Watch: TypeAlias = Callable[[Live | None], None]
Find: TypeAlias = "Callable[[ListSnapshot], Live | None]"
Settled: TypeAlias = Callable[[Live | None], bool]
Choose: TypeAlias = Callable[[Sequence[Live]], Live | None]
"""Out of the rows of an order."""

_FAILURES_IN_A_ROW = 5
_ALONE = 5
"""So many are asked for alone a look, those whom nobody has asked for longest first."""


class TimedOut(Exception):  # noqa: N818 - how a wait ends, not a malfunction
    """The deadline passed before the server settled."""


class Detached(Exception):  # noqa: N818 - how a wait ends, not a malfunction
    """An interruption ended the wait."""


@dataclass(frozen=True, slots=True)
class ListSnapshot:
    """What one reading of the list showed. Where it has gaps, what it lacks may be there all the same, but for those `gone`: asked for
    alone, and not found.
    """

    rows: Mapping[str, Live]
    by_order: Mapping[str, Sequence[Live]]
    gaps: tuple[ListGap, ...] = ()
    gone: frozenset[str] = frozenset()

    def of_order(self, wait: Wait) -> Sequence[Live]:
        """Returns the rows of the order: those that name it, and those that billing names for it and that name no order themselves."""
        silent = (row for each in wait.ids if (row := self.rows.get(each)) is not None and row.order_id is None)
        named = self.by_order.get(wait.order_id or "", ())
        return (*named, *(replace(row, order_id=wait.order_id) for row in silent))

    def is_gone(self, identifier: str | None) -> bool:
        return not self.gaps or identifier in self.gone

    def may_hide(self, kind: str, names: Collection[str]) -> bool:
        return any(gap.hides(kind, names) for gap in self.gaps)


@dataclass(eq=False, slots=True)
class _Watcher:
    find: Find
    settled: Settled
    most_looks: int | None
    deadline: float
    watch: Watch
    confirms_absence: bool = False
    id: str | None = None
    ids: tuple[str, ...] = ()
    seeks: bool = False
    """It waits for no server in particular, so that everything hangs on what the list lacks."""
    answer: asyncio.Future[Live | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    looks: int = 0

    def see(self, listing: ListSnapshot, now: float) -> None:
        """Shows a list to the watcher. What raises here is a fault of this watcher, and ends its wait alone."""
        try:
            row = self.find(listing)
            if row is None and self.settled(None) and not (self.confirms_absence or listing.is_gone(self.id)):
                return
            self.looks += 1
            if self.settled(row) or self.looks == self.most_looks:
                self.answer.set_result(row)
            elif now < self.deadline:
                self.watch(row)
        except Exception as fault:  # noqa: BLE001 - raised again where the watcher waits
            self.answer.set_exception(fault)


class ListPoll:
    def __init__(
        self,
        kinds: Sequence[Kind],
        clock: ClockPort,
        interruption: Interruption,
        known: Iterable[str] = (),
    ) -> None:
        """`kinds` are those that are listed; `known` are there, and to stay: a list that lacks one of them is asked about before anything
        is picked out of it.
        """
        self._kinds = kinds
        self._known = set(known)
        self._asked: dict[str, int] = {}
        """By id, the look at which it was asked for alone."""
        self._looks = 0
        self._pace = PollPace(clock)
        self._clock = clock
        self._interruption = interruption
        self._watchers: dict[_Watcher, None] = {}
        self._arrival = asyncio.Event()
        self._failures = 0
        self._over: BaseException | None = None
        interruption.on_request(lambda: self.end(Detached()))

    async def wait(self, wait: Wait, choose: Choose, *, deadline: float, watch: Watch) -> Live | None:
        """Waits as `seek` does, for the row that a flow waits for."""

        def find(listing: ListSnapshot) -> Live | None:
            return listing.rows.get(wait.id or "") or choose(listing.of_order(wait))

        watcher = _Watcher(
            find, wait.settled, wait.max_polls, deadline, watch, wait.confirms_absence, wait.id, wait.ids
        )
        return await self._answer(watcher)

    async def seek(
        self, find: Find, settled: Settled, *, most_looks: int | None = None, deadline: float, watch: Watch
    ) -> Live | None:
        """The row that `find` has picked out of a look, once it is settled; or as it is after `most_looks`.

        `deadline` in the clock's monotonic seconds; `watch` is told the row of every look that did not settle it. Raises what
        `find` does, TimedOut, Detached, CallFailed when looking is in vain, or what ended every wait.
        """
        return await self._answer(_Watcher(find, settled, most_looks, deadline, watch, seeks=True))

    async def _answer(self, watcher: _Watcher) -> Live | None:
        if self._interruption.requested:
            raise Detached
        if self._over is not None:
            raise self._over
        self._watchers[watcher] = None
        self._arrival.set()
        try:
            return await watcher.answer
        finally:
            del self._watchers[watcher]

    def end(self, reason: BaseException) -> None:
        """Ends every wait with `reason`, those to come too."""
        self._over = self._over or reason
        self._end_all(reason)

    async def run(self, channel: ChannelPort) -> None:
        """Reads the list over `channel` until cancelled. An error of our own ends every wait: nobody waits for a look that never comes."""
        try:
            while True:
                await self._arrival.wait()
                await self._look_until_answered(channel)
                self._arrival.clear()
                await self._clock.sleep(self._pace.breath())
        except BaseException as fault:
            self.end(fault)
            raise

    async def _look_until_answered(self, channel: ChannelPort) -> None:
        self._pace.restart()
        while self._waiting():
            self._arrival.clear()
            began = self._clock.monotonic()
            await self._look(channel)
            self._end_late()
            if self._waiting():
                await self._rest(self._pace.pause(), took=self._clock.monotonic() - began)

    def _waiting(self) -> list[_Watcher]:
        return [watcher for watcher in self._watchers if not watcher.answer.done()]

    async def _rest(self, pause: float, *, took: float) -> None:
        """Sleeps for the pause, or for its first second and then until somebody new waits. While more keep coming, the next look is put
        off; the longer the last one `took`, the more.
        """
        latest = self._clock.monotonic() + self._pace.patience(took)
        await self._clock.sleep(min(pause, STEADY))
        await self._arrived_within(pause - STEADY)
        while self._arrival.is_set():
            self._arrival.clear()
            self._pace.somebody_new()
            if self._clock.monotonic() < latest:
                await self._clock.sleep(max(took, PAUSES[0]))

    async def _arrived_within(self, seconds: float) -> None:
        if seconds > 0 and not self._arrival.is_set():
            rest = asyncio.ensure_future(self._clock.sleep(seconds))
            arrival = asyncio.ensure_future(self._arrival.wait())
            try:
                await asyncio.wait({rest, arrival}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                rest.cancel()
                arrival.cancel()

    async def _look(self, channel: ChannelPort) -> None:
        asked = self._waiting()
        gaps: tuple[ListGap, ...] = ()
        try:
            rows = await read_lists(self._kinds, channel)
        except PartialListing as partial:
            rows, gaps = {row.id: row for row in partial.rows}, partial.gaps
        except CallFailed as failed:
            if failed.status != HTTPStatus.TOO_MANY_REQUESTS:
                self._count(failed)
            return
        self._failures = 0
        alone, gone, unasked = await self._alone(asked, rows, channel, is_partial=bool(gaps))
        gaps += find_unlisted(alone.values(), gaps)
        if unasked & self._known:
            gaps += (ListGap("", "it lacks some that are not asked for by their ids yet"),)
        rows = {**rows, **alone}
        by_order: defaultdict[str, list[Live]] = defaultdict(list)
        for row in rows.values():
            if row.order_id is not None:
                by_order[row.order_id].append(row)
        listing, now = ListSnapshot(rows, by_order, gaps, gone), self._clock.monotonic()
        for watcher in asked:
            if not watcher.answer.done():
                watcher.see(listing, now)

    async def _alone(
        self, asked: Iterable[_Watcher], rows: Mapping[str, Live], channel: ChannelPort, *, is_partial: bool
    ) -> tuple[dict[str, Live], frozenset[str], set[str]]:
        """Of those that the list lacks and somebody waits for: who is there, who is not, and who is still to be asked for. What is
        not answered is asked again, after the others.
        """
        wanted = self._missing(asked, rows, is_partial=is_partial)
        wanted.sort(key=lambda identifier: self._asked.get(identifier, 0))
        self._looks += 1
        found: dict[str, Live] = {}
        gone, unasked = set[str](), set(wanted)
        for identifier in wanted[:_ALONE]:
            self._asked[identifier] = self._looks
            with suppress(CallFailed):
                row = await self._show(identifier, channel)
                unasked.discard(identifier)
                if row is None:
                    gone.add(identifier)
                    self._known.discard(identifier)
                else:
                    found[row.id] = row
                    self._known.add(row.id)
        return found, frozenset(gone), unasked

    async def _show(self, identifier: str, channel: ChannelPort) -> Live | None:
        rows = [await run_read(kind.show(identifier), channel) for kind in self._kinds]
        return next((row for row in rows if row is not None), None)

    def _missing(self, asked: Iterable[_Watcher], rows: Mapping[str, Live], *, is_partial: bool) -> list[str]:
        """Returns the ids to ask for alone. A watcher that confirms absence asks for itself where the list may be whole."""
        wanted: dict[str | None, None] = {}
        for watcher in asked:
            own = watcher.id if is_partial or not watcher.confirms_absence else None
            wanted |= dict.fromkeys((own, *watcher.ids, *(sorted(self._known) if watcher.seeks else ())))
        return [each for each in wanted if each is not None and each not in rows]

    def _count(self, failed: CallFailed) -> None:
        """Counts failures in a row. Throttling is not counted: it says nothing about the servers, and the deadlines still hold."""
        self._failures += 1
        if failed.outcome is Outcome.REFUSED or self._failures >= _FAILURES_IN_A_ROW:
            self._end_all(failed)

    def _end_late(self) -> None:
        """Ends the waits whose deadline has passed, whatever the look showed, and also when it failed."""
        now = self._clock.monotonic()
        for watcher in self._waiting():
            if now >= watcher.deadline:
                watcher.answer.set_exception(TimedOut())

    def _end_all(self, reason: BaseException) -> None:
        for watcher in self._waiting():
            watcher.answer.set_exception(reason)
