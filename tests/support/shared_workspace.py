"""A stack whose state several machines share, in memory. One machine can stand still at any step while others run.

The machines have one cloud and one true time, which `FakeWorkspace.clock` keeps. Each has clocks of its own, which may stand still.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from support.emulated_cloud import RequestType
from support.fake_workspace import ApplyOutcome, FakeWorkspace
from support.memory_backend import MemoryBackend, MemoryLog, Place
from support.simulation import ManualClock

from provisioner.model.diagnostic import StoreError, error
from provisioner.store import StateStore
from provisioner.store.clock import StoreClock
from provisioner.store.contract import JOURNAL, START, NotDone, Undecided
from provisioner.store.lease import HeldLease
from provisioner.store.lease_record import TERMS, LeaseTerms
from provisioner.store.shared_store import SharedStore, renewal_thread


class Stopped(Enum):
    """Which clocks of a machine stand still with it."""

    NONE = "its clocks go on"
    ALL = "its clocks stand still"
    ELAPSED = "its time of day is set right, and the seconds that have elapsed are not"


class MachineClock(ManualClock):
    """A machine's clock. It waits in true time."""

    def __init__(self, true: ManualClock) -> None:
        self._true = true
        self._held: HeldLease | None = None
        self._renewed_at = 0.0
        self.behind = self.elapsed_behind = 0.0
        super().__init__()

    @property
    def time(self) -> float:
        return self._true.time

    @time.setter
    def time(self, value: float) -> None:
        self._true.time = max(self._true.time, value)

    def now(self) -> int:
        return super().now() - round(self.behind * 1000)

    def monotonic(self) -> float:
        return self.time - self.elapsed_behind

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        if self._held is not None and self.monotonic() - self._renewed_at >= TERMS.renew_after:
            self._renewed_at = self.monotonic()
            self._held.renew()

    @contextmanager
    def renewing(self, held: HeldLease, _terms: LeaseTerms) -> Iterator[None]:
        """Renew the lease whenever the run sleeps, in place of a thread."""
        self._held, self._renewed_at = held, self.monotonic()
        try:
            yield
        finally:
            self._held = None

    def stand_still(self, seconds: float, stopped: Stopped) -> None:
        self.behind += seconds * (stopped is Stopped.ALL)
        self.elapsed_behind += seconds * (stopped is not Stopped.NONE)


class Append(Enum):
    """What happens to one append to the journal, and to each repetition of it."""

    LOST_REPLY = "it is written, and only the first reply is lost"
    UNWRITTEN = "it is never written, and no reply says so"
    ZOMBIE = "it is carried out later, if nothing else stands there by then, and no reply ever comes"


class SteppedLog(MemoryLog):
    """A log whose machine takes a step before and after each append."""

    def __init__(self, workspace: SharedWorkspace, label: str, name: str) -> None:
        super().__init__(workspace.place, label, name)
        self._workspace = workspace
        self._machine = workspace.machine

    def append(self, after, batch, *, sending=False, mentions=()):
        reach = self._workspace.cloud.crash_plan.reach
        reach(f"before append {self._name}")
        self._disturb(after, batch)
        head = super().append(after, batch)
        if self._name == JOURNAL and batch and self._machine.is_hit(batch):
            self._machine.spend()
            raise Undecided("the connection broke")
        reach(f"after append {self._name}")
        return head

    def last(self):
        self._require_connection()
        return super().last()

    def read(self, at=START):
        self._require_connection()
        self._workspace.cloud.crash_plan.reach(f"before read {self._name}")
        return super().read(at)

    def _require_connection(self) -> None:
        if self._machine.is_cut_off:
            raise StoreError(error("store-unreachable", "the connection broke"))

    def _disturb(self, after, batch) -> None:
        machine = self._machine
        if machine.is_cut_off:
            raise Undecided("the connection broke")
        if self._name != JOURNAL or not batch or not machine.is_hit(batch) or machine.fault is Append.LOST_REPLY:
            return
        if machine.fault is Append.ZOMBIE:
            self._workspace.zombies = [lambda: MemoryLog.append(self, after, batch)]
        raise Undecided("the connection broke")


class MachineBackend(MemoryBackend):
    """The backend as a machine of the workspace reaches it."""

    def __init__(self, workspace: SharedWorkspace) -> None:
        super().__init__(workspace.place)
        self._workspace = workspace

    def log(self, label: str, name: str) -> MemoryLog:
        return SteppedLog(self._workspace, label, name)

    def wait(self, label: str, seconds: float) -> None:
        del label
        self._workspace.true.time += max(seconds, 0.001)  # what is less may be lost in rounding


@dataclass
class SharedMachine:
    """A machine. `fault` hits append number `at_append` to the journal, counted from 1."""

    clock: MachineClock
    fault: Append | None = None
    at_append: int = 0
    is_cut_off: bool = False
    _batches: list[bytes] = field(default_factory=list)

    def is_hit(self, batch: bytes) -> bool:
        if batch not in self._batches:
            self._batches.append(batch)
        return self.fault is not None and self._batches.index(batch) + 1 == self.at_append

    def spend(self) -> None:
        self.fault = None


@dataclass
class SharedWorkspace(FakeWorkspace):
    """A workspace whose state is shared. `apply` runs on `machine`."""

    place: Place = field(default_factory=Place)
    zombies: list[Callable[[], object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.true = self.clock
        self.machine = self.new_machine()

    def new_machine(self, fault: Append | None = None, at_append: int = 0) -> SharedMachine:
        return SharedMachine(MachineClock(self.true), fault, at_append)

    def store(self) -> StateStore:
        return self._store(MachineBackend(self), self.machine.clock)

    def fresh_store(self) -> StateStore:
        return self._store(MemoryBackend(self.place), self.true)

    def land_zombies(self) -> None:
        """Carry out the appends whose connection broke, where nothing else stands by now."""
        with suppress(NotDone):
            while self.zombies:
                self.zombies.pop()()

    def apply_on(self, machine: SharedMachine, **details: Any) -> ApplyOutcome:
        """Run apply on another machine, whatever this one is doing."""
        before = self.machine, self.clock
        self.machine, self.clock = machine, machine.clock
        try:
            return self.apply(**details)
        finally:
            self.machine, self.clock = before

    def _on_request(self, request_type: RequestType, name: str) -> str:
        """Return the address of the purchase's intent. Whether a request without one is carried out is for the ledger to tell: the
        cloud refuses a purchase whose signature is too old.
        """
        try:
            return super()._on_request(request_type, name)
        finally:
            self.sent_before_intent.clear()

    def _store(self, backend: MemoryBackend, clock: ManualClock) -> StateStore:
        def sleep(seconds: float) -> None:
            clock.time += seconds

        renewal = clock.renewing if isinstance(clock, MachineClock) else renewal_thread
        times = StoreClock(clock.now, clock.monotonic, sleep)
        return StateStore(SharedStore(backend, "demo", clock=times, renewal=renewal), clock=times)
