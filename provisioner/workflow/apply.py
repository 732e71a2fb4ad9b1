"""Carries out apply and destroy: recovers open calls, plans, asks for approval, executes the plan and records the
results.

A saved plan is carried out unchanged or refused. It is refused when the state, the policy or the stack has changed
since it was made, when it was used before, and while the outcome of an earlier call is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from provisioner.applying import CloudSnapshot, recover
from provisioner.cloud import Cloud
from provisioner.loading import Loaded
from provisioner.model.action import Action
from provisioner.model.diagnostic import Diagnostic, InDoubt, Refused, UsageError
from provisioner.model.event import Event, EventType, RunResult
from provisioner.model.journal import Entry
from provisioner.model.plan import Mode, Plan
from provisioner.model.stack import Stack
from provisioner.model.state import State
from provisioner.planning import clear_stale_refusals, statements
from provisioner.saved_plans import plan_id, read_plan
from provisioner.store import LockHolder, Session, StateStore
from provisioner.workflow.cloud_snapshot import check_identity, read_cloud
from provisioner.workflow.forgotten_servers import suspected_ids
from provisioner.workflow.journal_run import JournalRun
from provisioner.workflow.outputs import RunOutputs, outputs_after_apply
from provisioner.workflow.plan import secret_warnings
from provisioner.workflow.plan_session import CurrentPlan, PlanRequest, PlanSession, open_plan_session
from provisioner.workflow.plan_validity import check_current, require_unchanged
from provisioner.workflow.run import Run, RunOutcome, RunUI
from provisioner.workflow.secret_resolver import SecretResolver
from provisioner.workflow.selection import check_selection
from provisioner.workflow.sibling_states import OtherStates
from provisioner.workflow.terms import record_terms
from provisioner.workflow.workspace import SystemClock, Workspace, who

_FRESH_SECONDS = 2.0
"""How old a snapshot may be when the approval comes.

A plan approved later is compared with a new snapshot before it is executed.
"""


class ApplyUI(RunUI, Protocol):
    """The user interface of a run: shows the plan, asks for approval, receives events and handles signals."""

    def show(self, plan: Plan, warnings: tuple[Diagnostic, ...]) -> None: ...

    def approve(self, plan: Plan) -> bool: ...

    def on_lock_wait(self, holder: LockHolder, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class ApplyRequest:
    command: str
    plan: PlanRequest = field(default_factory=PlanRequest)
    parallelism: int = 10
    lock_timeout: float = 0.0
    resolve_timeout: float = 30.0
    """Seconds for which the run looks for a purchase in doubt, in parallel with its other work."""
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """The result of an apply. `result` is None when nothing was executed: there was no work, or no approval."""

    plan: Plan = field(repr=False)
    approved: bool
    result: RunResult | None = field(repr=False)
    state: State | None = field(repr=False)
    trouble: tuple[Diagnostic, ...] = ()
    """Errors from writing the state after the work."""
    outputs: RunOutputs = field(default=RunOutputs(), repr=False)


async def apply(workspace: Workspace, request: ApplyRequest, ui: ApplyUI) -> ApplyResult:
    """Plans, asks and executes.

    Raises ProvisionerError only before anything is sent; afterwards every address has a result.
    """
    loaded = workspace.load()
    return _with_outputs(await _apply(workspace, loaded, request, ui), workspace, loaded)


async def _apply(workspace: Workspace, loaded: Loaded, request: ApplyRequest, ui: ApplyUI) -> ApplyResult:
    notes = secret_warnings(workspace, request.plan, loaded)
    with _session(workspace, loaded.stack, request, ui) as (session, store):
        check_selection(request.plan, loaded, session.state)
        opened = open_plan_session(workspace, loaded, store, session.state, listen=ui.listen, request=request.plan)
        async with opened as planner:
            snapshot = await planner.read_cloud(session.state)
            state = _recover(planner, session, snapshot, request, ui)
            planned = await planner.plan(state, snapshot)
            ui.show(planned.plan, (*loaded.warnings, *notes, *planned.notes))
            _require_no_refusals(planned.plan, state)
            if not planned.plan.work:
                state = await _record_without_work(planner, session, state, planned)
                return ApplyResult(planned.plan, approved=True, result=None, state=state)
            _require_secrets(workspace, planned.plan)
            current = await _ask_approval(planner, state, planned, ui)
            if current is None:
                return ApplyResult(planned.plan, approved=False, result=None, state=state)
            run = _prepare_run(workspace, request, session, planner.cloud, current, ui, planner.other_states)
            return _to_result(
                planned.plan, await run.execute(planned.plan, loaded.stack, plan_id=plan_id(planned.plan))
            )


async def _ask_approval(
    planner: PlanSession, state: State | None, planned: CurrentPlan, ui: ApplyUI
) -> CloudSnapshot | None:
    """Asks for approval, and returns the snapshot to execute the plan from. None means no approval.

    The snapshot is a new one when the answer took long. Raises UsageError `plan-outdated` when the cloud has changed in
    the meantime.
    """
    asked_at = SystemClock().monotonic()
    if not ui.approve(planned.plan):
        return None
    if SystemClock().monotonic() - asked_at <= _FRESH_SECONDS:
        return planned.snapshot
    again = await planner.plan(state, await planner.read_cloud(state))
    require_unchanged(planned.plan, again.plan)
    return again.snapshot


def _require_no_refusals(plan: Plan, state: State | None) -> None:
    if plan.refusals:
        in_doubt = state is not None and state.purchases_in_doubt
        raise (InDoubt if in_doubt else Refused)(*plan.refusals)


async def _record_without_work(
    planner: PlanSession, session: Session, state: State | None, planned: CurrentPlan
) -> State | None:
    """Records what a plan without work has found out: its notes and the paid terms."""
    if state is None:
        return None
    _record_plan_entries(planned.plan, session)
    return await record_terms(planner.cloud, session, planner.catalogue, known=planned.terms)


async def apply_saved(workspace: Workspace, path: Path, request: ApplyRequest, ui: ApplyUI) -> ApplyResult:
    """Executes a saved plan.

    Raises UsageError for a plan that is damaged, used, stale or for another stack, and while an earlier call is
    unsettled; InDoubt while a purchase is in doubt. The plan names its environment; one on the command line must be the
    same.
    """
    plan = read_plan(path)
    request = replace(request, command=plan.mode.command)
    workspace = replace(workspace, environment=workspace.environment or plan.basis.environment)
    return _with_outputs(await _apply_saved(workspace, plan, path, request, ui), workspace, None)


async def _apply_saved(workspace: Workspace, plan: Plan, path: Path, request: ApplyRequest, ui: ApplyUI) -> ApplyResult:
    stack = workspace.stack()
    with _session(workspace, stack, request, ui) as (session, store):
        async with workspace.cloud(stack, ui.listen) as cloud:
            check_identity(session.state, cloud.identity)
            check_current(plan, path, stack, session, cloud)
            _check_secrets(workspace, plan, session)
            snapshot = await read_cloud(
                cloud,
                session.state,
                workspace.catalogue,
                history=store.history,
                suspected=suspected_ids(plan, store.history, session.state),
            )
            ui.show(plan, ())
            if not plan.work:
                return ApplyResult(plan, approved=True, result=None, state=_record_plan_entries(plan, session))
            _require_secrets(workspace, plan)
            other_states = OtherStates(store, workspace.catalogue, cloud.identity, frozenset(plan.allowed))
            if refusals := tuple(other_states.refusals(plan)):
                raise Refused(*refusals)
            run = _prepare_run(workspace, request, session, cloud, snapshot, ui, other_states)
            return _to_result(plan, await run.execute(plan, stack, plan_id=plan_id(plan)))


def _record_plan_entries(plan: Plan, session: Session) -> State | None:
    """Appends the entries that even a plan without work has, if there are any, and returns the state.

    Raises StoreError.
    """
    entries: tuple[Entry, ...] = (*clear_stale_refusals(plan), *statements(plan))
    if entries:
        session.append(entries)
        return session.checkpoint()
    return session.state


def _with_outputs(applied: ApplyResult, workspace: Workspace, loaded: Loaded | None) -> ApplyResult:
    if not applied.approved or applied.plan.mode is Mode.DESTROY:
        return applied
    return replace(applied, outputs=outputs_after_apply(workspace, applied.state, loaded))


def _check_secrets(workspace: Workspace, plan: Plan, session: Session) -> None:
    resolver = SecretResolver(workspace.secrets(), session.state.lineage if session.state else None)
    if changed := tuple(resolver.changed_secrets(plan, workspace.catalogue)):
        raise UsageError(*changed)


def _require_secrets(workspace: Workspace, plan: Plan) -> None:
    """Checks all secrets before the user is asked.

    Otherwise a missing password would stop the run with half a fleet bought.
    """
    buying = [
        change.desired
        for change in plan.work
        if change.desired is not None and change.action in {Action.CREATE, Action.REPLACE, Action.REINSTALL}
    ]
    if plan.mode is Mode.APPLY:
        SecretResolver(workspace.secrets(), None).check(buying, workspace.catalogue, all_needed=True)


def _recover(
    planner: PlanSession, session: Session, snapshot: CloudSnapshot, request: ApplyRequest, ui: ApplyUI
) -> State | None:
    state = session.state
    if state is None or not (state.in_doubt or state.absent):
        return state
    workspace = planner.workspace
    ledger = JournalRun(session, f"{request.command} (recovery)", workspace.version, request.reason)
    return recover(
        state,
        snapshot,
        catalogue=planner.catalogue,
        policy=planner.loaded.stack.purchase,
        ledger=ledger,
        listen=ui.listen,
        other_states=planner.other_states,
    )


@contextmanager
def _session(
    workspace: Workspace, stack: Stack, request: ApplyRequest, ui: ApplyUI
) -> Iterator[tuple[Session, StateStore]]:
    store = workspace.store(stack)
    for finding in store.warnings:
        ui.listen(Event(EventType.NOTICE, diagnostic=finding))
    lock = store.write(command=request.command, who=who(), timeout=request.lock_timeout, on_wait=ui.on_lock_wait)
    with lock as session:
        yield session, store


def _prepare_run(
    workspace: Workspace,
    request: ApplyRequest,
    session: Session,
    cloud: Cloud,
    snapshot: CloudSnapshot,
    ui: ApplyUI,
    other_states: OtherStates,
) -> Run:
    return Run(
        workspace,
        session,
        cloud,
        snapshot,
        ui,
        command=request.command,
        reason=request.reason,
        parallelism=request.parallelism,
        resolve_timeout=request.resolve_timeout,
        records_terms=True,
        other_states=other_states,
        orders_in_other_states=other_states.orders,
    )


def _to_result(plan: Plan, outcome: RunOutcome) -> ApplyResult:
    return ApplyResult(plan, approved=True, result=outcome.result, state=outcome.state, trouble=outcome.trouble)
