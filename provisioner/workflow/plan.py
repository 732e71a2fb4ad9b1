"""Plans without a lock and without writing anything."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from provisioner import planning
from provisioner.applying import CloudSnapshot, absent_by_now
from provisioner.loading import Loaded
from provisioner.model.approval import Approval
from provisioner.model.approved_content import ApprovalScope
from provisioner.model.diagnostic import Diagnostic, UsageError, error
from provisioner.model.event import Listener
from provisioner.model.journal import Settled
from provisioner.model.plan import Mode, Plan
from provisioner.model.replay import replay
from provisioner.model.state import State
from provisioner.saved_plans import find_target
from provisioner.store import is_place_of_state
from provisioner.workflow.approvals import LIFETIME_SECONDS
from provisioner.workflow.clock_notes import clock_notes
from provisioner.workflow.plan_session import PlanRequest, PlanSession, open_plan_session
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
        snapshot = await planner.read_cloud(state)
        over = () if is_locked else _doubts_that_are_over(planner, state, snapshot)
        current = await planner.plan(replay(state, over) if state is not None and over else state, snapshot)
        planned = _with_doubts_that_are_over(current.plan, over, state, loaded)
        notes = (*notes, *current.notes, *clock_notes(planner.cloud, current.snapshot))
        warnings = (*store.warnings, *loaded.warnings, *notes)
        approval = planner.approve(planned, seconds=lifetime)
        return PlanResult(planned, warnings, planner.cloud.requests, planner.approval_scope, approval)


def _doubts_that_are_over(planner: PlanSession, state: State | None, snapshot: CloudSnapshot) -> tuple[Settled, ...]:
    """Returns how the next apply would settle the purchases in doubt whose time is over, so that the plan is made from
    the state that apply would plan from.
    """
    if state is None:
        return ()
    return absent_by_now(
        state,
        snapshot,
        catalogue=planner.catalogue,
        policy=planner.loaded.stack.purchase,
        other_states=planner.other_states,
    )


def _with_doubts_that_are_over(plan: Plan, over: tuple[Settled, ...], state: State | None, loaded: Loaded) -> Plan:
    if state is None or not over:
        return plan
    evidence = {entry.intent: entry.evidence for entry in over}
    intents = [intent for intent in state.in_doubt if intent.id in evidence]
    found = planning.doubt_over_warnings(intents, evidence, loaded.stack.purchase)
    return replace(plan, findings=(*found, *plan.findings))


def require_place_for_plan(workspace: Workspace, path: Path) -> None:
    """Raises UsageError `plan-not-written` where a plan file at `path` would replace something else, or be taken for a state or a spec."""
    target, older = find_target(path)
    if older is not None:
        return
    specs = workspace.directory.resolve()
    if any(is_place_of_state(location, target) for location in workspace.locations):
        place = "is in a state folder, and would be taken for a state"
    elif target.suffix in {".yaml", ".yml"} and specs in target.parents:
        place = "is among the specs, and would be read as a spec"
    else:
        return
    hint = "Name a file elsewhere, such as tonight.plan."
    raise UsageError(error("plan-not-written", f"the plan was not written to {path}: it {place}", hint=hint))


def secret_warnings(workspace: Workspace, request: PlanRequest, loaded: Loaded) -> tuple[Diagnostic, ...]:
    """Returns warnings about secrets that are not available here. Only applying needs them."""
    wanted = () if request.mode is not Mode.APPLY else loaded.desired
    return SecretResolver(workspace.secrets(), None).check(wanted, workspace.catalogue, all_needed=False)
