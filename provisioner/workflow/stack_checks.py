"""Checks of what the user wrote, the configuration and the specs, and of the state of the stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from provisioner.model.check import CheckResult, passed, result_of
from provisioner.model.purchase_policy import Prepaid
from provisioner.model.resource import Desired
from provisioner.model.stack import Stack
from provisioner.model.state_url import StateUrl
from provisioner.store import StateStore, high_water_mark_folder
from provisioner.store.state_checks import state_checks
from provisioner.workflow.check_runner import LIMIT, LONG, CheckRunner
from provisioner.workflow.workspace import Workspace

_SPECS: Final = "specs"
_STATE: Final = "state"
STACK: Final = f"{_SPECS}/stack"


@dataclass
class StackExamination:
    """What the specs and the state turned out to be; None as long as it is not known. `has_none`: there is no stack here."""

    workspace: Workspace
    has_none: bool = False
    stack: Stack | None = None
    desired: tuple[Desired, ...] = ()
    store: StateStore | None = None

    async def check_specs(self, runner: CheckRunner) -> None:
        await runner.run_blocking(_SPECS, "configuration", self._examine_configuration)
        try:
            self.has_none = not self.workspace.directory.exists()
        except OSError:
            self.has_none = False
        if self.has_none:
            reason = f"there is no stack at {self.workspace.directory}"
            for name in ("stack", "resources"):
                runner.skip(_SPECS, name, reason)
            return
        await runner.run_blocking(_SPECS, "stack", self._examine_stack)
        await runner.run_blocking(_SPECS, "resources", self._examine_resources, needs=(STACK,), limit=LONG)

    async def check_state(self, runner: CheckRunner) -> None:
        if self.stack is None:
            runner.skip(_STATE, "place", "because it is not known which stack's state it is")
            return
        if not await runner.run_blocking(_STATE, "place", self._examine_place):
            return
        assert self.store is not None
        marks = high_water_mark_folder(self.workspace.environ, self.workspace.home)
        for check in state_checks(self.store, marks):
            needs = tuple(f"{_STATE}/{name}" for name in check.needs)
            limit = LONG if check.name in {"state", "journal"} else LIMIT
            await runner.run_blocking(_STATE, check.name, check.examine, needs=needs, limit=limit)

    @property
    def scheme(self) -> str:
        """The scheme of the state's URL; empty for a folder. Raises UsageError."""
        setting = self.workspace.explicit_state or (self.stack.state if self.stack else None)
        place = None if setting is None else self.workspace.places.path_or_url(setting)
        return place.scheme if isinstance(place, StateUrl) else ""

    @property
    def needs_orders(self) -> bool:
        """Whether an apply waits until billing shows its orders: where it orders first and pays then. False where the specs are not known."""
        policy, catalogue = None if self.stack is None else self.stack.purchase, self.workspace.catalogue
        if policy is None or policy.prepaid is not Prepaid.TWO_STEP:
            return False
        return any(catalogue[one.kind].orders.may_place_order(one.fields, policy) for one in self.desired)

    def _examine_configuration(self) -> CheckResult:
        self.workspace.configuration()
        files = [str(path) for path in self.workspace.configuration_files if path.exists()]
        return passed(", ".join(files) or "there is no configuration of your own, and none is needed")

    def _examine_stack(self) -> CheckResult:
        self.stack = stack = self.workspace.stack()
        environment = f", environment {stack.environment}" if stack.environment else ""
        return passed(f"stack {stack.name}{environment}, cloud {stack.cloud.value}")

    def _examine_resources(self) -> CheckResult:
        loaded = self.workspace.load()
        self.desired = tuple(loaded.desired)
        if loaded.warnings:
            return result_of(loaded.warnings[0], more=len(loaded.warnings) - 1)
        return passed(f"{len(self.desired)} declared")

    def _examine_place(self) -> CheckResult:
        assert self.stack is not None
        self.store = self.workspace.store(self.stack)
        return passed(self.store.location)
