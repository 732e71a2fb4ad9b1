"""Carries out apply and destroy: recovers open calls, plans, asks for approval, executes the plan and records the
results.

A run that was approved elsewhere, by a plan file or by an approval, takes the same way: it plans, and compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

from provisioner.applying import CloudSnapshot, recover
from provisioner.loading import Loaded
from provisioner.model.action import Action
from provisioner.model.diagnostic import Diagnostic, InDoubt, Refused
from provisioner.model.event import Event, EventType, RunResult
from provisioner.model.journal import Entry
from provisioner.model.plan import Mode, Plan
from provisioner.model.stack import Stack
from provisioner.model.state import State
from provisioner.planning import clear_stale_refusals, statements
from provisioner.store import LockWaitStatus, Session, StateStore
from provisioner.workflow.approvals import ApprovalCheck, ApprovalRequest, remaining_request
from provisioner.workflow.journal_run import JournalRun
from provisioner.workflow.outputs import RunOutputs, outputs_after_apply
from provisioner.workflow.plan import secret_warnings
from provisioner.workflow.plan_session import CurrentPlan, PlanRequest, PlanSession, open_plan_session
from provisioner.workflow.plan_validity import require_unchanged
from provisioner.workflow.run import Run, RunOutcome, RunUI
from provisioner.workflow.secret_resolver import SecretResolver
from provisioner.workflow.selection import check_selection
from provisioner.workflow.system_clock import SystemClock
from provisioner.workflow.terms import record_terms
from provisioner.workflow.workspace import Workspace, who

_FRESH_SECONDS = 2.0
"""How old a snapshot may be when the approval comes.

A plan approved later is compared with a new snapshot before it is executed.
"""


class ApplyUI(RunUI, Protocol):
    """The user interface of a run: shows the plan, asks for approval, receives events and handles signals."""

    def show(self, plan: Plan, warnings: tuple[Diagnostic, ...], *, is_shown_before: bool) -> None: ...

    def approve(self, plan: Plan) -> bool: ...

    def on_lock_wait(self, wait: LockWaitStatus) -> None: ...


@dataclass(frozen=True, slots=True)
class ApplyRequest:
    command: str
    plan: PlanRequest = field(default_factory=PlanRequest)
    parallelism: int = 10
    lock_timeout: float = 0.0
    resolve_timeout: float = 30.0
    """Seconds for which the run looks for a purchase in doubt, in parallel with its other work."""
    reason: str | None = None
    approval: ApprovalRequest | None = None
    """The approval to carry out; None for a run that carries out its own plan after a person has approved it."""
    no_wait: bool = False
    """End where the run would wait for the cloud to build or release something."""


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
    loaded = workspace.load(for_release=request.plan.mode is Mode.DESTROY)
    return _with_outputs(await _apply(workspace, loaded, request, ui), workspace, loaded)


async def _apply(workspace: Workspace, loaded: Loaded, request: ApplyRequest, ui: ApplyUI) -> ApplyResult:
    notes = secret_warnings(workspace, request.plan, loaded)
    with _session(workspace, loaded.stack, request, ui) as (session, store):
        plan_request = remaining_request(request.plan, request.approval, session.state)
        check_selection(plan_request, loaded, session.state)
        opened = open_plan_session(workspace, loaded, store, session.state, listen=ui.listen, request=plan_request)
        async with opened as planner:
            snapshot = await planner.read_cloud(session.state)
            approval = _approval_check(request, planner, session.state)
            state = _recover(planner, session, snapshot, request, ui)
            planned = await planner.plan(state, snapshot)
            is_shown_before = approval is not None and approval.is_shown_before(planned.plan, state)
            warnings = (*loaded.warnings, *notes, *planned.notes)
            ui.show(planned.plan, warnings, is_shown_before=is_shown_before)
            _require_no_refusals(planned.plan, state)
            scope = "" if approval is None else approval.scope_digest(planned.plan)
            run = _prepare_run(workspace, request, session, planner, ui, scope)
            if approval is not None and (problems := approval.problems(planned.plan, state)):
                state = await _settle_begun(approval, planned, state, run, loaded.stack)
                raise (InDoubt if state is not None and state.purchases_in_doubt else Refused)(*problems)
            if not planned.plan.work:
                state = await _record_without_work(planner, session, state, planned)
                return ApplyResult(planned.plan, approved=True, result=None, state=state)
            _require_secrets(workspace, planned.plan)
            current = await _ask_approval(planner, state, planned, ui, request.approval)
            if current is None:
                return ApplyResult(planned.plan, approved=False, result=None, state=state)
            return _to_result(planned.plan, await run.execute(planned.plan, loaded.stack, snapshot=current))


def _approval_check(request: ApplyRequest, planner: PlanSession, state: State | None) -> ApprovalCheck | None:
    """Returns the check of the approval that the run carries out; None if there is none. Raises Refused if the
    approval is not valid here and now.
    """
    if request.approval is None:
        return None
    scope = replace(planner, request=request.plan).approval_scope  # without what earlier runs have used up of it
    check = ApprovalCheck(request.approval, scope, planner.store)
    check.require_valid(state, planner.cloud)
    return check


async def _settle_begun(
    approval: ApprovalCheck, planned: CurrentPlan, state: State | None, run: Run, stack: Stack
) -> State | None:
    """Looks for a purchase that an earlier run of the approval has sent and records it, whatever the specs want by now.
    Returns the state after that.
    """
    begun = approval.only_begun(planned.plan, state)
    if not begun.work:
        return state
    outcome = await run.execute(begun, stack, snapshot=planned.snapshot)
    for finding in (*outcome.result.findings, *outcome.trouble):
        run.ui.listen(Event(EventType.NOTICE, diagnostic=finding))
    return outcome.state or state


async def _ask_approval(
    planner: PlanSession, state: State | None, planned: CurrentPlan, ui: ApplyUI, approval: ApprovalRequest | None
) -> CloudSnapshot | None:
    """Asks for approval, and returns the snapshot to execute the plan from. None means no approval.

    The snapshot is a new one when the answer took long. Raises UsageError `plan-outdated` when the cloud has changed in
    the meantime.
    """
    if approval is not None and not approval.must_ask:
        return planned.snapshot
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
    entries: tuple[Entry, ...] = (*clear_stale_refusals(planned.plan), *statements(planned.plan))
    if entries:
        session.append(entries)
        session.checkpoint()
    return await record_terms(planner.cloud, session, planner.catalogue, known=planned.terms)


def _with_outputs(applied: ApplyResult, workspace: Workspace, loaded: Loaded) -> ApplyResult:
    if not applied.approved or applied.plan.mode is Mode.DESTROY:
        return applied
    return replace(applied, outputs=outputs_after_apply(workspace, applied.state, loaded))


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
    ledger = JournalRun(
        session,
        f"{request.command} (recovery)",
        workspace.version,
        request.reason,
        approval=_text(request.approval),
        caller=planner.cloud.caller,
    )
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
    lock = store.write(
        command=request.command, who=who(), timeout=request.lock_timeout, on_wait=ui.on_lock_wait, reason=request.reason
    )
    with lock as session:
        yield session, store


def _prepare_run(
    workspace: Workspace, request: ApplyRequest, session: Session, planner: PlanSession, ui: ApplyUI, scope: str
) -> Run:
    return Run(
        workspace,
        session,
        planner.cloud,
        ui,
        command=request.command,
        reason=request.reason,
        parallelism=request.parallelism,
        resolve_timeout=request.resolve_timeout,
        records_terms=True,
        other_states=planner.other_states,
        orders_in_other_states=planner.other_states.orders,
        approval=_text(request.approval),
        approval_scope=scope,
        no_wait=request.no_wait,
    )


def _text(approval: ApprovalRequest | None) -> str:
    return "" if approval is None else str(approval.approval)


def _to_result(plan: Plan, outcome: RunOutcome) -> ApplyResult:
    return ApplyResult(plan, approved=True, result=outcome.result, state=outcome.state, trouble=outcome.trouble)
