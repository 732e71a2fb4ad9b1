"""A stack in a folder where the real workflow runs on the real store, in this process, against an emulated cloud.

A run may crash at any step on disk or network. The disk keeps what was written before the crash, and knows what was not synced.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from support.disks import NumberedDisk
from support.emulated_cloud import OURSELVES, EmulatedCloud, RequestType
from support.event_loop import run
from support.simulation import Crash, CrashPlan, ManualClock
from support.stack_text import DEFAULTS, PASSWORD
from support.stores import folder_store

from provisioner.applying import Interruption
from provisioner.cli.exit_codes import ExitCode, of_apply, of_error
from provisioner.cloud import AccessKey, Cloud, connect, sandbox_endpoints
from provisioner.cloud import Clock as CloudClock
from provisioner.kinds import CATALOGUE
from provisioner.loading import VariableInputs
from provisioner.model.address import Address
from provisioner.model.diagnostic import Diagnostic, ProvisionerError
from provisioner.model.event import Event, Listener
from provisioner.model.flow import Effect
from provisioner.model.guards import ALL, Allowance
from provisioner.model.plan import Mode, Plan
from provisioner.model.secret import Secret
from provisioner.model.stack import Stack
from provisioner.model.state import State
from provisioner.sandbox import PUBLIC
from provisioner.sandbox.accounts import User
from provisioner.settings import Settings
from provisioner.store import StateStore
from provisioner.store.clock import StoreClock
from provisioner.workflow import apply as applying_verb
from provisioner.workflow import cloud_snapshot
from provisioner.workflow import run as sending
from provisioner.workflow.apply import ApplyRequest, apply
from provisioner.workflow.plan import plan
from provisioner.workflow.plan_session import PlanRequest
from provisioner.workflow.resolve import resolve
from provisioner.workflow.resolve_checks import Decision
from provisioner.workflow.workspace import Emulator, Workspace

STACK = """\
stack: demo
cloud: sandbox
region: cn-north-4
purchase: {{marker: {marker}, prepaid: {prepaid}}}
"""
STACK += DEFAULTS + "  timeouts: {{create: 3m, delete: 3m}}\n"
AtStep: TypeAlias = Callable[[int, str], None]
"""Called with the number, counted from 0, and the name of each step before it is taken."""


class CrashingDisk(NumberedDisk):
    """A disk that crashes where the plan says; half of the write that crashes is written. Syncs are recorded, not done.

    `unsynced`: the files with content that no sync has reached.
    """

    def __init__(self, crash_plan: CrashPlan) -> None:
        super().__init__()
        self._crash_plan = crash_plan
        self._paths: dict[int, Path] = {}
        self.unsynced: set[Path] = set()

    def before_operation(self, operation):
        self._crash_plan.reach(operation)

    def open(self, path, flags):
        descriptor = super().open(path, flags)
        self._paths[descriptor] = path
        return descriptor

    def write(self, descriptor, data):
        try:
            self.before_operation("write")
        except Crash:
            if self._crash_plan.died_here:
                os.write(descriptor, data[: len(data) // 2])
            raise
        self.unsynced.add(self._paths[descriptor])
        return os.write(descriptor, data)

    def sync(self, descriptor):
        self.before_operation("sync")
        self.unsynced.discard(self._paths[descriptor])

    def sync_folder(self, folder):
        self.before_operation("sync_folder")


class RunCrashPlan(CrashPlan):
    """A crash plan that calls `at_step` before each step until the crash. `died_here`: the last step reached is the crash."""

    def __init__(self, die_at: int | None = None, at_step: AtStep = lambda _number, _step: None) -> None:
        super().__init__(die_at)
        self.died_here = False
        self._at_step = at_step

    def reach(self, step: str) -> None:
        was_dead = self.dead
        if not was_dead:
            self._at_step(len(self.steps), step)
        try:
            super().reach(step)
        except Crash:
            self.died_here = not was_dead
            raise


@dataclass(frozen=True, slots=True)
class EmulatedWorkspace(Workspace):
    """The tool's workspace, with the cloud, the disk and the clock of a FakeWorkspace."""

    fake: FakeWorkspace | None = None

    def store(self, stack: Stack) -> StateStore:
        assert self.fake is not None
        return self.fake.store()

    def cloud(self, stack: Stack, listen: Listener) -> AbstractAsyncContextManager[Cloud]:
        assert self.fake is not None
        clock, user = self.fake.clock, self.fake.user
        return connect(
            endpoints=sandbox_endpoints(PUBLIC.region),
            credentials=AccessKey(user.access_key, Secret(user.secret_key)),
            region=PUBLIC.region,
            user_agent="test",
            backend=self.fake.cloud,
            clock=CloudClock(lambda: clock.now() / 1000, clock.monotonic, clock.sleep, lambda: 0.5),
            keeps_time=self.fake.keeps_time,
        )


@dataclass
class RecordingUI:
    """Approves everything, and records the plan and the events that it was shown."""

    plan: Plan | None = None
    output: list[str] = field(default_factory=list)

    def show(self, plan: Plan, warnings: tuple[Diagnostic, ...], *, is_shown_before: bool) -> None:
        self.plan = plan

    def approve(self, plan: Plan) -> bool:
        return True

    def listen(self, event: Event) -> None:
        self.output.append(repr(event))

    def on_lock_wait(self, wait: object) -> None:
        self.output.append(repr(wait))

    @contextmanager
    def show_progress(self, plan: Plan) -> Iterator[Interruption]:
        yield Interruption()


@dataclass
class ApplyOutcome:
    """How an apply ended. `code` is None if it crashed. `diagnostics` are those that it showed at its end."""

    code: ExitCode | None
    diagnostics: list[Diagnostic]
    plan: Plan | None
    output: list[str]
    steps: int

    @property
    def text(self) -> str:
        return "\n".join([*self.output, *map(repr, self.diagnostics), repr(self.plan)])


@dataclass
class FakeWorkspace:
    folder: Path
    marker: str = "name"
    prepaid: str = "one-step"
    user: User = OURSELVES
    """The user who runs the tool."""
    keeps_time: bool = True
    """Whether this machine's clock counts beside the cloud's when the tool asks how much time has passed."""
    clock: ManualClock = field(default_factory=ManualClock)
    disk: CrashingDisk = field(default_factory=lambda: CrashingDisk(RunCrashPlan()))

    def __post_init__(self) -> None:
        self.cloud = EmulatedCloud(self.clock, on_request=self._on_request)
        self.sent_before_intent: list[str] = []
        """Names of purchases that were sent before their intent was synced to disk."""
        (self.folder / "specs").mkdir()
        (self.folder / "state").mkdir(mode=0o700)
        (self.folder / "specs" / "stack.yaml").write_text(STACK.format(marker=self.marker, prepaid=self.prepaid))
        self.write("servers: {}\n")

    def write(self, servers: str) -> None:
        (self.folder / "specs" / "servers.yaml").write_text(servers)

    def store(self) -> StateStore:
        clock = StoreClock(self.clock.now, self.clock.monotonic)
        return folder_store(self.folder / "state", "demo", disk=self.disk, clock=clock)

    def load_state(self) -> State | None:
        """Loads the state as another process would now."""
        return self.fresh_store().load()

    def fresh_store(self) -> StateStore:
        """Opens the store as another process would, on a disk without faults."""
        return folder_store(self.folder / "state", "demo")

    def apply(
        self,
        *,
        mode: Mode = Mode.APPLY,
        replacing: frozenset[Address] = frozenset(),
        die_at: int | None = None,
        resolve_timeout: float = 30.0,
        at_step: AtStep = lambda _number, _step: None,
    ) -> ApplyOutcome:
        """Runs apply, or destroy, and crashes it at step `die_at`, counted from 0."""
        crash_plan, before = RunCrashPlan(die_at, at_step), (self.cloud.crash_plan, self.disk)
        self.cloud.crash_plan, self.disk = crash_plan, CrashingDisk(crash_plan)
        request = ApplyRequest(
            mode.value,
            PlanRequest(mode, replacing, allow=(ALL | {Allowance.NO_STATE}) - {Allowance.UNREAD_SIBLING}),
            resolve_timeout=resolve_timeout,
        )
        ui = RecordingUI()
        try:
            applied = self._run(apply(self._workspace(), request, ui))
        except Crash:
            return ApplyOutcome(None, [], ui.plan, ui.output, len(crash_plan.steps))
        except ProvisionerError as failure:
            return ApplyOutcome(of_error(failure), [*failure.diagnostics], ui.plan, ui.output, len(crash_plan.steps))
        finally:
            self.cloud.crash_plan, self.disk = before
        results = applied.result.results if applied.result else ()
        shown = [one.diagnostic for one in results if one.diagnostic] + [*applied.plan.findings, *applied.trouble]
        return ApplyOutcome(of_apply(applied), shown, ui.plan, ui.output, len(crash_plan.steps))

    def break_sibling(self, *, broken: bool) -> None:
        """Puts an unreadable state of the same stack into the folder, or removes it."""
        sibling = self.folder / "state" / "demo.prod.journal"
        if broken:
            sibling.write_text("cut short")
        else:
            sibling.unlink(missing_ok=True)

    @property
    def has_unread_sibling(self) -> bool:
        return bool(self.fresh_store().siblings().unread)

    def plan(self) -> Plan | ProvisionerError:
        try:
            return self._run(plan(self._workspace(), PlanRequest(), lambda _event: None)).plan
        except ProvisionerError as failure:
            return failure

    def resolve(self, address: str, adopt: str | None) -> None:
        with suppress(ProvisionerError):  # the reads may fail because of an injected fault
            self._run(resolve(self._workspace(), Decision(Address.parse(address), adopt), lambda _event: None))

    def console_request(self, method: str, path: str, body: Any = None) -> int:
        """Sends a request of the operator's, and returns the status of the answer."""
        return self._run(self.cloud.console(method, path, body)).status_code

    def apply_concurrently(self) -> ExitCode | None:
        """Runs plan and apply as a second process would while a run is at work. Returns the exit code of the apply."""
        disk, self.disk = self.disk, CrashingDisk(RunCrashPlan())
        try:
            with self.cloud.undisturbed():
                self.plan()
                return self.apply().code
        finally:
            self.disk = disk

    def advance(self, seconds: float) -> None:
        """Advances the clock, and carries out the late requests that become due meanwhile."""
        until = self.clock.time + seconds
        while (due := self.cloud.next_due) is not None and due <= until:
            self.clock.time = max(self.clock.time, due)
            self._run(self.cloud.execute_due())
        self.clock.time = until

    def _run(self, work: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            for module in (applying_verb, sending, cloud_snapshot):
                patch.setattr(module, "SystemClock", lambda: self.clock)
            return run(work)

    def _workspace(self) -> EmulatedWorkspace:
        return EmulatedWorkspace(
            directory=self.folder / "specs",
            environment=None,
            inputs=VariableInputs(),
            explicit_state=None,
            settings=Settings(),
            environ={"ADMIN_PASSWORD": PASSWORD},
            home=self.folder,
            catalogue=CATALOGUE,
            emulator=Emulator(lambda _path: None, "", "", ""),
            version="test",
            fake=self,
        )

    def _on_request(self, request_type: RequestType, name: str) -> str:
        """Returns the address of the purchase's intent on disk, and records a violation if it is not there or not synced."""
        if request_type is not RequestType.PURCHASE:
            return ""
        state = self.load_state()
        intents = [one for one in (state.intents.values() if state else ()) if one.effect is Effect.PURCHASE]
        address = next((str(one.address) for one in intents if one.name == name), None)
        if address is None or any(path.suffix == ".journal" for path in self.disk.unsynced):
            self.sent_before_intent.append(name)
        return address or "nobody"
