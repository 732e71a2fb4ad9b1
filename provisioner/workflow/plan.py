"""Plans without a lock and without writing anything."""

from __future__ import annotations

from dataclasses import dataclass, field

from provisioner.loading import Loaded
from provisioner.model.approval import Approval
from provisioner.model.approved_content import ApprovalScope
from provisioner.model.diagnostic import Diagnostic
from provisioner.model.event import Listener
from provisioner.model.plan import Mode, Plan
from provisioner.workflow.approvals import LIFETIME_SECONDS
from provisioner.workflow.clock_notes import clock_notes
from provisioner.workflow.plan_session import PlanRequest, open_plan_session
from provisioner.workflow.secret_resolver import SecretResolver
from provisioner.workflow.selection import check_selection
from provisioner.workflow.workspace import Workspace


@dataclass(frozen=True, slots=True)
class PlanResult:
    plan: Plan = field(repr=False)
    """Left out of the repr, because asyncio formats the main task's result when it ends: with 10,000 servers that took
    longer than planning.
    """
    warnings: tuple[Diagnostic, ...]
    requests: int
    """How many HTTP requests the plan took."""
    scope: ApprovalScope
    approval: Approval | None
    """None for a plan that is refused, while the outcome of a call is unknown, and if the cloud has not told the time."""


async def plan(
    workspace: Workspace, request: PlanRequest, listen: Listener, *, lifetime: float = LIFETIME_SECONDS
) -> PlanResult:
    """Makes a plan, whose approval is valid for `lifetime` seconds. Raises ProvisionerError for problems with specs, state,
    credentials or the cloud.
    """
    loaded = workspace.load(for_release=request.mode is Mode.DESTROY)
    store = workspace.store(loaded.stack)
    state = store.load()
    check_selection(request, loaded, state)
    is_locked = store.holder() is not None
    notes = secret_warnings(workspace, request, loaded)
    async with open_plan_session(
        workspace, loaded, store, state, listen=listen, request=request, is_locked=is_locked
    ) as planner:
        current = await planner.plan(state, await planner.read_cloud(state))
        notes = (*notes, *current.notes, *clock_notes(planner.cloud, current.snapshot))
        warnings = (*store.warnings, *loaded.warnings, *notes)
        approval = planner.approve(current.plan, seconds=lifetime)
        return PlanResult(current.plan, warnings, planner.cloud.requests, planner.approval_scope, approval)


def secret_warnings(workspace: Workspace, request: PlanRequest, loaded: Loaded) -> tuple[Diagnostic, ...]:
    """Returns warnings about secrets that are not available here. Only applying needs them."""
    wanted = () if request.mode is not Mode.APPLY else loaded.desired
    return SecretResolver(workspace.secrets(), None).check(wanted, workspace.catalogue, all_needed=False)
