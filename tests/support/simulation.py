"""The surroundings of a simulated run: a manual clock, a crash at a numbered step, and a journal in memory.

Nothing here sleeps or starts threads. Time advances when no task has anything else to do, and journal entries are written at
once, so a run takes the same steps every time and each of them has a number.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from math import inf

from support.disks import Crash

from provisioner.model.diagnostic import StoreError, error
from provisioner.model.journal import Entry

NOON = 1_767_268_800_000
"""2026-01-01 12:00:00 UTC in milliseconds."""


class CrashPlan:
    """Numbers the steps on disk and network. The run crashes at step `die_at`, counted from 0; `examine` is called before each step."""

    def __init__(self, die_at: int | None = None, examine: Callable[[], None] = lambda: None) -> None:
        self.steps: list[str] = []
        self.dead = False
        self._die_at = die_at
        self._examine = examine

    def reach(self, step: str) -> None:
        """Counts the step. Raises Crash if it is the one to crash at, or if the run has crashed before."""
        if self.dead:
            raise Crash(step)
        self._examine()
        self.steps.append(step)
        if len(self.steps) - 1 == self._die_at:
            self.dead = True
            raise Crash(step)


class ManualClock:
    """A clock that advances only when every task waits for it, and then at once."""

    def __init__(self) -> None:
        self.time = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._mover: asyncio.Task[None] | None = None

    def now(self) -> int:
        return NOON + round(self.time * 1000)

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        wake = asyncio.get_running_loop().create_future()
        heappush(self._sleepers, (self.time + seconds, next(self._order), wake))
        if self._mover is None or self._mover.done():
            self._mover = asyncio.ensure_future(self._move())
        await wake

    async def _move(self) -> None:
        loop = asyncio.get_running_loop()
        while self._sleepers:
            while loop._ready:  # noqa: ASYNC110 - no event says that there is nothing left to do
                await asyncio.sleep(0)
            due, _, wake = heappop(self._sleepers)
            if wake.get_loop() is loop and not wake.done():
                self.time = max(self.time, due)
                wake.set_result(None)
                await asyncio.sleep(0)


class MemoryLedger:
    """A journal in memory. `entries` outlive the run, as on a disk. Append number `fail_at` and all later ones raise `failure`."""

    def __init__(
        self,
        entries: list[Entry],
        crash_plan: CrashPlan,
        *,
        fail_at: int | None = None,
        failure: BaseException | None = None,
        after: Callable[[Sequence[Entry]], None] = lambda _entries: None,
    ) -> None:
        self.entries = entries
        self.batches: list[tuple[Entry, ...]] = []
        self._crash_plan = crash_plan
        self._fail_at = fail_at
        self._failure = failure or StoreError(error("journal-not-durable", "the disk is full", hint="make room"))
        self._appends = 0
        self._after = after
        self.left: Callable[[], float] = lambda: inf
        """How long the lock is certain to be held."""

    def seconds_left(self) -> float:
        return self.left()

    def append(self, entries: Sequence[Entry]) -> None:
        names = "+".join(entry.type for entry in entries)
        self._crash_plan.reach(f"before writing {names}")
        if self._fail_at is not None and self._appends >= self._fail_at:
            raise self._failure
        self._appends += 1
        self.batches.append(tuple(entries))
        self.entries.extend(entries)
        self._after(entries)
        self._crash_plan.reach(f"after writing {names}")
