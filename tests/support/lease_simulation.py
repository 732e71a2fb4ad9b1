"""Simulates real runs of apply on machines that share a state: one stands still at one of its steps, and others go on.

At the end everything calms down, and the invariants must hold (support/invariants.py), as they must after every run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import pytest
from support.emulated_cloud import RequestFault, RequestType
from support.fake_workspace import ApplyOutcome
from support.invariants import MAX_EXECUTION_DELAY, MAX_LISTING_DELAY, MINUTE, InvariantChecker, ServerSpec, Violation
from support.operator import run_in_thread
from support.shared_workspace import Append, SharedWorkspace, Stopped
from support.simulation import CrashPlan

from provisioner.cli.exit_codes import ExitCode
from provisioner.workflow import apply as applying_verb
from provisioner.workflow import cloud_snapshot
from provisioner.workflow import run as sending

_QUIET = 26 * MINUTE
_ROUNDS = 8
_TAKEN_AT = 2
"""The step at which a run that waits for nobody has taken the lock."""
_UNDISTURBED = frozenset({ExitCode.DONE, ExitCode.INCOMPLETE, ExitCode.IN_DOUBT})
"""How a run ends that nobody threw out."""


class Pause(Enum):
    """What happens while the machine stands still."""

    TAKE_OVER = "another one takes over"
    QUIET = "another one takes over, the quiet period passes, and a third one goes on"
    DEATH = "it never goes on"


@dataclass(frozen=True)
class LeaseWorld:
    """Where the first machine stands still, with which clocks, and what else goes wrong."""

    step: int
    pause: Pause = Pause.TAKE_OVER
    stopped: Stopped = Stopped.NONE
    request: RequestFault | None = None
    append: Append | None = None
    at_append: int = 0
    is_cut_off: bool = False
    """The machine reaches the cloud and not the store from this step on."""
    is_begun: bool = False
    """An earlier run has recorded another server."""
    goes_on_at: int | None = None
    """The step of who takes over at which the first machine goes on, up to its end. None: at the end of that run."""


class Alternation:
    """Work in another thread, of which and the caller always one runs. Each has machine, clock and steps of its own."""

    def __init__(self, workspace: SharedWorkspace, work: Callable[[Callable[[], None]], None]) -> None:
        self._workspace = workspace
        self._mine, self._theirs = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, args=(work,))
        self._is_over = False
        self._failure: BaseException | None = None

    def go_on(self) -> None:
        """Let the work go on until it stops or ends."""
        if self._is_over:
            return
        workspace = self._workspace
        before = workspace.machine, workspace.clock, workspace.cloud.crash_plan, workspace.disk
        if self._thread.ident is None:
            workspace.cloud.crash_plan = CrashPlan()
            self._thread.start()
        else:
            self._theirs.release()
        self._mine.acquire()
        workspace.machine, workspace.clock, workspace.cloud.crash_plan, workspace.disk = before
        if self._failure is not None:
            raise self._failure

    def _run(self, work: Callable[[Callable[[], None]], None]) -> None:
        try:
            work(self._stop)
        except BaseException as failure:  # noqa: BLE001 - raised again where it belongs
            self._failure = failure
        self._is_over = True
        self._mine.release()

    def _stop(self) -> None:
        workspace = self._workspace
        before = workspace.machine, workspace.clock, workspace.cloud.crash_plan, workspace.disk
        self._mine.release()
        self._theirs.acquire()
        workspace.machine, workspace.clock, workspace.cloud.crash_plan, workspace.disk = before


@contextmanager
def _clock_of(workspace: SharedWorkspace) -> Iterator[None]:
    """Let every run have the clock of the machine at work, as long as runs overlap, which put it back in any order."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (applying_verb, sending, cloud_snapshot):
            patch.setattr(module, "SystemClock", lambda: workspace.clock)
        yield


@dataclass
class LeaseSimulation:
    """One world. `reached` is the name of the step; None where the run has fewer steps."""

    folder: Path
    world: LeaseWorld
    reached: str | None = None
    steps: list[str] = field(default_factory=list)
    taking_over: list[ApplyOutcome] = field(default_factory=list)
    first: ApplyOutcome | None = None

    def __post_init__(self) -> None:
        self.workspace = SharedWorkspace(self.folder)
        self.checker = InvariantChecker(self.workspace)
        self._other: Alternation | None = None

    def simulate(self) -> LeaseSimulation:
        """Raise Violation where an invariant does not hold."""
        workspace, world = self.workspace, self.world
        self._begin()
        machine = workspace.new_machine(world.append, world.at_append)

        def reach(number: int, step: str) -> None:
            self.steps.append(step)
            if number == world.step:
                self.reached = step
                machine.is_cut_off = world.is_cut_off
                if world.pause is not Pause.DEATH and not world.is_cut_off:
                    self._stand_still(machine.clock.stand_still)

        die_at = world.step if world.pause is Pause.DEATH else None
        with _clock_of(workspace):
            self.first = workspace.apply_on(machine, at_step=reach, die_at=die_at, resolve_timeout=0)
            self._end_take_over()
        self.checker.check()
        workspace.land_zombies()
        self._calm_down()
        return self

    def _begin(self) -> None:
        workspace, specs = self.workspace, self.checker.specs
        if self.world.is_begun:
            specs["earlier"] = ServerSpec()
            workspace.write("servers: {earlier: {}}\n")
            workspace.apply_on(workspace.new_machine())
        specs["a"] = ServerSpec()
        workspace.write(f"servers: {{{', '.join(f'{key}: {{}}' for key in specs)}}}\n")
        workspace.cloud.listing_delay, workspace.cloud.execution_delay = MAX_LISTING_DELAY, MAX_EXECUTION_DELAY
        if self.world.request is not None:
            workspace.cloud.faults = [(RequestType.PURCHASE, self.world.request)]

    def _stand_still(self, stop) -> None:
        began = self.workspace.true.time
        if self.world.goes_on_at is not None:
            self._other = Alternation(self.workspace, self._take_over_until)
            self._other.go_on()
            stop(self.workspace.true.time - began, self.world.stopped)
            return

        def meanwhile() -> None:
            self._take_over()
            if self.world.pause is Pause.QUIET:
                self._pass_time()
                self._take_over()
            self.workspace.land_zombies()

        with self._other_steps():
            run_in_thread(meanwhile)
        stop(self.workspace.true.time - began, self.world.stopped)

    @contextmanager
    def _other_steps(self) -> Iterator[None]:
        cloud = self.workspace.cloud
        before, cloud.crash_plan = cloud.crash_plan, CrashPlan()
        try:
            yield
        finally:
            cloud.crash_plan = before

    def _take_over(self) -> None:
        """Run apply on another machine, which nobody may disturb."""
        ran = self.workspace.apply_on(self.workspace.new_machine(), resolve_timeout=0)
        self.taking_over.append(ran)
        self.checker.check()
        if ran.code not in _UNDISTURBED:
            raise Violation(f"who took over ended with {ran.code}: {ran.diagnostics}")

    def _take_over_until(self, stop: Callable[[], None]) -> None:
        """Run apply on another machine, and stop at the step where the first one goes on."""

        waited: int | None = None

        def reach(number: int, step: str) -> None:
            """While it waits for the lock it looks at the journal again and again, which are no steps of its run."""
            nonlocal waited
            if step == "after append lease" and waited is None:
                waited = number - _TAKEN_AT
            if waited is not None and number - waited == self.world.goes_on_at:
                stop()

        ran = self.workspace.apply_on(self.workspace.new_machine(), at_step=reach, resolve_timeout=0)
        self.taking_over.append(ran)

    def _end_take_over(self) -> None:
        if self._other is None:
            return
        self._other.go_on()
        (ran,) = self.taking_over
        self.checker.check()
        if ran.code not in _UNDISTURBED:
            raise Violation(f"who took over ended with {ran.code}: {ran.diagnostics}")

    def _pass_time(self) -> None:
        with self._other_steps():
            self.workspace.advance(_QUIET)

    def _calm_down(self) -> None:
        for _ in range(_ROUNDS):
            ran = self.workspace.apply_on(self.workspace.new_machine(), resolve_timeout=0)
            self.checker.check()
            if ran.code is ExitCode.DONE:
                self.checker.check_success(wanted=self.checker.wanted, leaving=set())
                return
            self._pass_time()
        raise Violation(f"this never ends: {ran.diagnostics}")
