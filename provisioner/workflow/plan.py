"""Plans without a lock and without writing anything."""

from __future__ import annotations

from dataclasses import dataclass, field

from provisioner.loading import Loaded
from provisioner.model.diagnostic import Diagnostic
from provisioner.model.event import Listener
from provisioner.model.plan import Mode, Plan
from provisioner.workflow.clock_notes import clock_notes
from provisioner.workflow.plan_session import PlanRequest, open_plan_session
from provisioner.workflow.secret_resolver import SecretResolver
from provisioner.workflow.selection import check_selection
from provisioner.workflow.workspace import Workspace


@dataclass(frozen=True, slots=True)
class PlanResult:
    plan: Plan = field(repr=False)
    """Not in the repr: asyncio formats the main task's result when it ends, and 10,000 servers took longer than planning."""
    warnings: tuple[Diagnostic, ...]
    requests: int
    """HTTP requests that it took."""


async def plan(workspace: Workspace, request: PlanRequest, listen: Listener) -> PlanResult:
    """Raises ProvisionerError for specs, state, credentials or a cloud that cannot be planned with."""
    loaded = workspace.load()
    store = workspace.store(loaded.stack)
    state = store.load()
    check_selection(request, loaded, state)
    is_locked = store.holder() is not None
    notes = secret_warnings(workspace, request, loaded)
    async with open_plan_session(
        workspace, loaded, store, state, listen=listen, request=request, is_locked=is_locked
    ) as planner:
        made = await planner.plan(state, await planner.read_cloud(state))
        notes = (*notes, *made.notes, *clock_notes(planner.cloud, made.snapshot))
        warnings = (*store.warnings, *loaded.warnings, *notes)
        return PlanResult(made.plan, warnings, planner.cloud.requests)


def secret_warnings(workspace: Workspace, request: PlanRequest, loaded: Loaded) -> tuple[Diagnostic, ...]:
    """About passwords that cannot be had here. What is only looked at needs none."""
    wanted = () if request.mode is Mode.REFRESH else loaded.desired
    return SecretResolver(workspace.secrets(), None).check(wanted, workspace.catalogue, all_needed=False)
