"""Polls the list of servers: one reading serves everybody who waits, however many they are.

The list is read at once when somebody starts to wait, then after 0.2, 0.5, 1, 2 ... 10 seconds. While new waiters keep
coming, it is read once a second, or less often if the list is long (`poll_pace.py`). An incomplete reading counts for
the rows that it has. A reading that fails is ignored, but one that is refused, or the fifth failure in a row, ends
every wait.

A server that is waited for by its id and that the list lacks may stand in no list at all, so it is asked for by its id,
a few of them with each reading. A server that is found so proves that the list lacks servers.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeAlias

from provisioner.applying.cloud_reading import read_lists, run_read
from provisioner.applying.interruption import Interruption
from provisioner.applying.list_snapshot import Detached, ListSnapshot, NotAwaited, TimedOut
from provisioner.applying.poll_pace import PAUSES, STEADY, PollPace
from provisioner.applying.ports import ChannelPort, ClockPort
from provisioner.model.flow import CallFailed, Outcome, PartialListing, Wait
from provisioner.model.kind import Kind
from provisioner.model.list_gap import ListGap, find_unlisted
from provisioner.model.resource import Live

Watch: TypeAlias = Callable[[Live | None], None]
Pick: TypeAlias = "Callable[[ListSnapshot], Live | None]"
Settled: TypeAlias = Callable[[Live | None], bool]
Choose: TypeAlias = Callable[[Sequence[Live]], Live | None]
"""Chooses one of the rows of an order."""

_FAILURES_IN_A_ROW = 5
_SHOWS_PER_POLL = 5
"""How many servers are asked for by id with each reading. Those that were not asked for the longest come first."""


@dataclass(eq=False, slots=True)
class _Watcher:
    """One wait: `pick` takes a row out of a reading, and `settled` decides whether that row ends the wait."""

    pick: Pick
    settled: Settled
    max_polls: int | None
    deadline: float
    watch: Watch
    confirms_absence: bool = False
    id: str | None = None
    ids: tuple[str, ...] = ()
    searches: bool = False
    """It waits for no server in particular, so that it matters whether the list lacks any."""
    only_looks: bool = False
    """The first reading ends it, with NotAwaited where that does not settle it."""
    answer: asyncio.Future[Live | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    polls: int = 0

    def check(self, listing: ListSnapshot, now: float) -> None:
        """Answers the wait if the list settles it. An error that is raised here is this watcher's own and ends its wait
        alone.
        """
        try:
            row = self.pick(listing)
            if row is not None or not self.settled(None) or self.confirms_absence or listing.is_gone(self.id):
                self._take(row, now)
            if self.only_looks and not self.answer.done():
                self.answer.set_exception(NotAwaited())
        except Exception as fault:  # noqa: BLE001 - raised again where the watcher waits
            self.answer.set_exception(fault)

    def _take(self, row: Live | None, now: float) -> None:
        self.polls += 1
        if self.settled(row) or self.polls == self.max_polls:
            self.answer.set_result(row)
        elif now < self.deadline:
            self.watch(row)


class ListPoll:
    """Reads the list again and again while somebody waits for a row of it. One instance serves all waits of a run."""

    def __init__(
        self,
        kinds: Sequence[Kind],
        clock: ClockPort,
        interruption: Interruption,
        known: Iterable[str] = (),
    ) -> None:
        """`kinds` are the kinds to list. `known` are the ids of servers that are there and stay: if a list lacks one of
        them, that one is asked for by id before anything is picked from the list.
        """
        self._kinds = kinds
        self._known = set(known)
        self._shown_at: dict[str, int] = {}
        """By id: the number of the reading with which it was last asked for by id."""
        self._polls = 0
        self._pace = PollPace(clock)
        self._clock = clock
        self._interruption = interruption
        self._watchers: dict[_Watcher, None] = {}
        self._arrival = asyncio.Event()
        self._failures = 0
        self._over: BaseException | None = None
        interruption.on_request(lambda: self.end(Detached()))

    async def wait(
        self, wait: Wait, choose: Choose, *, deadline: float, watch: Watch, only_looks: bool = False
    ) -> Live | None:
        """Waits, as `find` does, for the row that a flow waits for. `choose` chooses among the rows of its order if
        none has its id. With `only_looks`, raises NotAwaited unless the first reading settles it.
        """

        def pick(listing: ListSnapshot) -> Live | None:
            return listing.rows.get(wait.id or "") or choose(listing.of_order(wait))

        watcher = _Watcher(
            pick,
            wait.settled,
            wait.max_polls,
            deadline,
            watch,
            wait.confirms_absence,
            wait.id,
            wait.ids,
            only_looks=only_looks,
        )
        return await self._answer(watcher)

    async def find(
        self, pick: Pick, settled: Settled, *, max_polls: int | None = None, deadline: float, watch: Watch
    ) -> Live | None:
        """Returns the row that `pick` takes out of a reading once it is settled, or as it is after `max_polls`
        readings.

        `deadline` is in the clock's monotonic seconds. `watch` is called with the row of every reading that did not
        settle it. Raises what `pick` raises, TimedOut, Detached, CallFailed if the list cannot be read, or whatever
        ended every wait.
        """
        return await self._answer(_Watcher(pick, settled, max_polls, deadline, watch, searches=True))

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
        """Ends every wait with `reason`, including the waits to come."""
        self._over = self._over or reason
        self._end_all(reason)

    async def run(self, channel: ChannelPort) -> None:
        """Reads the list over `channel` until cancelled. An unexpected error ends every wait, so that nobody waits for
        a reading that never comes.
        """
        try:
            while True:
                await self._arrival.wait()
                await self._poll_until_answered(channel)
                self._arrival.clear()
                await self._clock.sleep(self._pace.cooldown())
        except BaseException as fault:
            self.end(fault)
            raise

    async def _poll_until_answered(self, channel: ChannelPort) -> None:
        self._pace.restart()
        while self._waiting():
            self._arrival.clear()
            began = self._clock.monotonic()
            await self._poll(channel)
            self._end_overdue()
            if self._waiting():
                await self._rest(self._pace.pause(), took=self._clock.monotonic() - began)

    def _waiting(self) -> list[_Watcher]:
        return [watcher for watcher in self._watchers if not watcher.answer.done()]

    async def _rest(self, pause: float, *, took: float) -> None:
        """Sleeps for the pause, or for its first second and then until a new waiter comes. While more of them keep
        coming, the next reading is put off; the longer the last one `took`, the longer it is put off.
        """
        latest = self._clock.monotonic() + self._pace.max_delay(took)
        await self._clock.sleep(min(pause, STEADY))
        await self._await_arrival(pause - STEADY)
        while self._arrival.is_set():
            self._arrival.clear()
            self._pace.note_arrival()
            if self._clock.monotonic() < latest:
                await self._clock.sleep(max(took, PAUSES[0]))

    async def _await_arrival(self, seconds: float) -> None:
        """Returns when a new waiter comes, or after so many `seconds`."""
        if seconds > 0 and not self._arrival.is_set():
            rest = asyncio.ensure_future(self._clock.sleep(seconds))
            arrival = asyncio.ensure_future(self._arrival.wait())
            try:
                await asyncio.wait({rest, arrival}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                rest.cancel()
                arrival.cancel()

    async def _poll(self, channel: ChannelPort) -> None:
        """Reads the list once and shows it to everybody who waited when the reading began."""
        watchers = self._waiting()
        gaps: tuple[ListGap, ...] = ()
        try:
            rows = await read_lists(self._kinds, channel)
        except PartialListing as partial:
            rows, gaps = {row.id: row for row in partial.rows}, partial.gaps
        except CallFailed as failed:
            if failed.status != HTTPStatus.TOO_MANY_REQUESTS:
                self._count_failure(failed)
            return
        self._failures = 0
        shown, gone, unasked = await self._show_missing(watchers, rows, channel, is_partial=bool(gaps))
        gaps += find_unlisted(shown.values(), gaps)
        if unasked & self._known:
            gaps += (ListGap("", "it lacks some servers that were not read by their ids yet"),)
        rows = {**rows, **shown}
        by_order: defaultdict[str, list[Live]] = defaultdict(list)
        for row in rows.values():
            if row.order_id is not None:
                by_order[row.order_id].append(row)
        listing, now = ListSnapshot(rows, by_order, gaps, gone), self._clock.monotonic()
        for watcher in watchers:
            if not watcher.answer.done():
                watcher.check(listing, now)

    async def _show_missing(
        self, watchers: Iterable[_Watcher], rows: Mapping[str, Live], channel: ChannelPort, *, is_partial: bool
    ) -> tuple[dict[str, Live], frozenset[str], set[str]]:
        """Asks by id for servers that somebody waits for and the list lacks. Returns the rows that were found, the ids
        that were not, and the ids that are still to be asked for. A request that gets no answer is made again, after
        the others.
        """
        missing = self._missing(watchers, rows, is_partial=is_partial)
        missing.sort(key=lambda identifier: self._shown_at.get(identifier, 0))
        self._polls += 1
        found: dict[str, Live] = {}
        gone, unasked = set[str](), set(missing)
        for identifier in missing[:_SHOWS_PER_POLL]:
            self._shown_at[identifier] = self._polls
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

    def _missing(self, watchers: Iterable[_Watcher], rows: Mapping[str, Live], *, is_partial: bool) -> list[str]:
        """Returns the ids to ask for. If the list may be complete, the flow of a watcher with `confirms_absence` asks
        for its own id itself.
        """
        wanted: dict[str | None, None] = {}
        for watcher in watchers:
            own = watcher.id if is_partial or not watcher.confirms_absence else None
            wanted |= dict.fromkeys((own, *watcher.ids, *(sorted(self._known) if watcher.searches else ())))
        return [each for each in wanted if each is not None and each not in rows]

    def _count_failure(self, failed: CallFailed) -> None:
        """Counts failures in a row, and ends every wait after too many. Throttling is not counted: it says nothing
        about the servers, and the deadlines still hold.
        """
        self._failures += 1
        if failed.outcome is Outcome.REFUSED or self._failures >= _FAILURES_IN_A_ROW:
            self._end_all(failed)

    def _end_overdue(self) -> None:
        """Ends the waits whose deadline has passed, whatever the reading showed, and also if it failed."""
        now = self._clock.monotonic()
        for watcher in self._waiting():
            if now >= watcher.deadline:
                watcher.answer.set_exception(TimedOut())

    def _end_all(self, reason: BaseException) -> None:
        for watcher in self._waiting():
            watcher.answer.set_exception(reason)
