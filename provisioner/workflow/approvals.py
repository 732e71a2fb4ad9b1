"""Decides whether a run may carry out an approved plan.

A plan file, or the text of an approval, is never executed. It is only compared with the plan that is made now
(docs/decisions/0030).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Final

from provisioner.cloud import Cloud
from provisioner.model.address import Address
from provisioner.model.approval import Approval, ApprovalUse
from provisioner.model.approved_content import (
    ApprovalScope,
    approved_content,
    head_text,
    scope_digest,
    without_changes,
)
from provisioner.model.canonical import JsonObject
from provisioner.model.diagnostic import Diagnostic, Refused, UsageError, error
from provisioner.model.flow import Effect
from provisioner.model.history import HistoryEntry, with_context
from provisioner.model.journal import Adopted, Answered, Forgotten, Imported, Intended, Moved, Settled
from provisioner.model.plan import Mode, Plan
from provisioner.model.state import JournalHead, State
from provisioner.model.time_text import format_time
from provisioner.planning import PLAN_AGAIN, differences, is_begun, is_used_up, uncovered
from provisioner.saved_plans import SavedPlan, read_plan
from provisioner.store import StateStore
from provisioner.workflow.plan_session import PlanRequest
from provisioner.workflow.workspace import Workspace

LIFETIME_SECONDS: Final = 24 * 3600.0
"""The default lifetime of an approval."""
_CLOCK_TOLERANCE: Final = 15 * 60
"""How many seconds the clocks of two nodes of the cloud may differ (docs/api/devserver-api.md section 6.1)."""
_NEXT: Final = "Nothing was sent. Plan again with the same options, and approve the new plan: `provisioner plan`"
_TOUCHING: Final = (Intended, Answered, Settled, Adopted, Imported, Moved, Forgotten)


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """The approval that a run is to carry out.

    `saved` is its plan file; None if it was given as text. `name` is what messages call it. `must_ask`: nobody is
    known to have approved the options in the file, so the run has to ask.
    """

    approval: Approval
    name: str
    saved: SavedPlan | None = None
    must_ask: bool = False


@dataclass(frozen=True, slots=True)
class ApprovedRequest:
    """A workspace and a plan request with the options and variables of a plan file, and the approval to compare with."""

    workspace: Workspace
    plan: PlanRequest
    approval: ApprovalRequest


def by_text(workspace: Workspace, plan: PlanRequest, text: str) -> ApprovedRequest:
    """Returns the request to carry out the approval `text`, with the options and variables of the command line.
    Raises UsageError if the text is not an approval.
    """
    return ApprovedRequest(workspace, plan, ApprovalRequest(_parsed(text), "the approval"))


def by_file(workspace: Workspace, path: Path, *, approved: str | None, auto_approve: bool) -> ApprovedRequest:
    """Returns the request to carry out the plan file at `path`.

    Its options are trusted if `approved` is the file's approval, if the file is signed with this user's key, or if
    they are those of a plain apply. Otherwise the run has to ask. Raises what `read_plan` raises, and Refused if
    `approved` belongs to another plan or nobody can be asked.
    """
    saved = read_plan(path, key=workspace.plan_key())
    if saved.approval is None:
        summary = f"the plan {path} was written by an older version of this tool, and is not an approval"
        raise UsageError(error("plan-format", summary, hint=_NEXT))
    if approved is not None and _parsed(approved) != saved.approval:
        summary = f"--approved is the approval of another plan than {path}"
        raise Refused(
            error(
                "plan-differs",
                summary,
                hint="Give the approval that was shown with this file, or leave out one of the two.",
            )
        )
    basis = saved.plan.basis
    if workspace.environment is not None and workspace.environment != basis.environment:
        summary = f"the plan {path} is for stack {basis.stack!r}, environment {basis.environment!r}"
        raise Refused(error("plan-foreign", summary, hint="check -e and the specs directory"))
    request = _request_of(saved)
    is_known = approved is not None or saved.is_signed
    if not is_known and auto_approve and not _is_plain(request, saved.scope):
        raise Refused(unsigned(path))
    inputs = replace(workspace.inputs, values=saved.scope.variables)
    return ApprovedRequest(
        replace(workspace, environment=basis.environment, inputs=inputs),
        request,
        ApprovalRequest(saved.approval, f"the plan {path}", saved, must_ask=not is_known and not auto_approve),
    )


def unsigned(path: Path) -> Diagnostic:
    """Returns the error for a file that nobody is known to have approved. It does not print the approval, because an
    approval computed from the file would prove nothing.
    """
    return error(
        "plan-unsigned",
        f"the plan {path} is not signed with this user's key, so nobody is known to have approved it",
        hint=f"Ask whoever made it for its approval, and pass it with `--approved` to `provisioner apply {quote(str(path))}`. Or set the same PROVISIONER_PLAN_KEY on both machines, or run the command on a terminal and answer yes.",
    )


@dataclass(frozen=True, slots=True)
class ApprovalCheck:
    """Compares what a run would do with what it may do."""

    request: ApprovalRequest
    scope: ApprovalScope
    store: StateStore

    def require_valid(self, state: State | None, cloud: Cloud) -> None:
        """Raises Refused for an approval that has expired, or that belongs to another state than this one."""
        approval, time = self.request.approval, cloud.time()
        latest, earliest = time.latest(), time.earliest()
        if latest is not None and latest // 1000 > approval.expires:
            summary = f"{self.request.name} was approved until {format_time(approval.expires * 1000)}, and it is {format_time(latest)}"
            raise Refused(error("plan-expired", summary, hint=_NEXT))
        if earliest is not None and approval.created > earliest // 1000 + _CLOCK_TOLERANCE:
            summary = f"{self.request.name} says that it was approved at {format_time(approval.created * 1000)}, and it is {format_time(earliest)}"
            raise Refused(error("plan-altered", summary, hint=_NEXT))
        if approval.head_sequence and not self._knows_head(state):
            summary = f"{self.request.name} was approved when the journal had {approval.head_sequence} records, and this journal lacks the last of them. The state is another one, or was put back from an older copy"
            raise Refused(error("plan-stale", summary, hint=f"{_NEXT}. `provisioner history` shows what is recorded."))

    def problems(self, plan: Plan, state: State | None) -> tuple[Diagnostic, ...]:
        """Returns why `plan` may not be carried out; empty if it may. Raises UsageError if the approval is used up."""
        use = self.use(state)
        if use is None:
            return self._first(plan)
        if is_used_up(use, plan, state):
            raise UsageError(
                error(
                    "plan-used",
                    f"{self.request.name} has been carried out before",
                    hint="If more is to be done, plan again: `provisioner plan`",
                )
            )
        others = self._overtaken({change.address for change in use.changes})
        return (*self._scope_problems(use, plan), *uncovered(use, plan, state), *others)

    def is_shown_before(self, plan: Plan, state: State | None) -> bool:
        """Whether somebody has seen exactly this plan and approved it, so that nobody has to be asked or shown it again.

        No longer true once a run of the approval has begun: what is left then is another plan.
        """
        return not self.request.must_ask and self.use(state) is None and not self._first(plan)

    def scope_digest(self, plan: Plan) -> str:
        """Returns the digest of the options, variables and settings that all runs of the approval share."""
        return scope_digest(self._content(plan))

    def only_begun(self, plan: Plan, state: State | None) -> Plan:
        """Returns the part of `plan` that runs of the approval have begun and whose outcome is unknown. It is looked
        for whatever the specs want now.
        """
        use, doubts = self.use(state), state.doubts if state else {}
        begun = () if use is None else tuple(change for change in plan.work if is_begun(use, change, doubts))
        return replace(plan, changes=begun, together=(), dependencies=(), left_out=())

    def use(self, state: State | None) -> ApprovalUse | None:
        """What earlier runs have used of the approval; None before the first run."""
        return state.approvals.get(str(self.request.approval)) if state else None

    def _scope_problems(self, use: ApprovalUse, plan: Plan) -> tuple[Diagnostic, ...]:
        """Yields an error if the options, variables or settings differ from those of the first run."""
        now, saved = self._content(plan), self.request.saved
        if not use.scope or use.scope == scope_digest(now):
            return ()
        found = (
            differences(without_changes(approved_content(saved.plan, saved.scope)), without_changes(now))
            if saved
            else ()
        )
        other = "the options, the variables, or purchase: and guards: in stack.yaml are not the approved ones"
        return tuple(found) or (error("plan-differs", other, hint=f"{_NEXT}. Or give the same options again."),)

    def _content(self, plan: Plan) -> JsonObject:
        return approved_content(_as_of(plan, self.request.approval), self.scope)

    def _first(self, plan: Plan) -> tuple[Diagnostic, ...]:
        """Yields the differences for the first run, which must plan exactly what was approved."""
        approval, saved = self.request.approval, self.request.saved
        now = self._content(plan)
        if not approval.fits(now):
            addresses = {change.address for change in (*plan.work, *(saved.plan.work if saved else ()))}
            found = tuple(differences(approved_content(saved.plan, saved.scope), now)) if saved else ()
            other = "the plan is not the approved one; it is shown above"
            return (*self._overtaken(addresses), *(found or (error("plan-differs", other, hint=PLAN_AGAIN),)))
        return tuple(self._overtaken({change.address for change in plan.work}))

    def _overtaken(self, addresses: set[Address]) -> Iterator[Diagnostic]:
        """Yields an error for the first thing that another run has done at one of the `addresses` since it was approved."""
        approval = self.request.approval
        for told in with_context([*self.store.history()]):
            if told.record.sequence <= approval.head_sequence or not isinstance(told.entry, _TOUCHING):
                continue
            if self._is_own(told) or addresses.isdisjoint(told.addresses):
                continue
            address = next(one for one in told.addresses if one in addresses)
            run = "outside of a run" if told.run is None else f"by {told.run.command}, run by {told.who}"
            summary = f"{address}: it was worked on {run}, at {format_time(told.record.time)}, after {self.request.name} was approved"
            yield error(
                "plan-overtaken", summary, hint=f"{_NEXT}. `provisioner history` shows what was done.", address=address
            )
            return

    def _is_own(self, told: HistoryEntry) -> bool:
        text = str(self.request.approval)
        if told.intent is not None and told.intent.effect is Effect.PAYMENT:
            return True  # whoever pays its order, that is what it was placed for
        return (told.run is not None and told.run.approval == text) or (
            told.intent is not None and told.intent.approval == text
        )

    def _knows_head(self, state: State | None) -> bool:
        approval = self.request.approval
        if state is None:
            return False
        if head_text(state.head) == approval.head:
            return True
        return any(
            head_text(JournalHead(record.sequence, record.hash)) == approval.head
            for record in self.store.history()
            if record.sequence == approval.head_sequence
        )


def remaining_request(request: PlanRequest, approval: ApprovalRequest | None, state: State | None) -> PlanRequest:
    """Returns the options of the run without what earlier runs of this approval have done, so that nothing is
    replaced or reinstalled by name twice.
    """
    use = state.approvals.get(str(approval.approval)) if approval is not None and state is not None else None
    if use is None:
        return request
    return replace(
        request, replace=request.replace - frozenset(use.bought), reinstall=request.reinstall - frozenset(use.wiped)
    )


def _as_of(plan: Plan, approval: Approval) -> Plan:
    """Returns the scope as the approval knew it: a plan that was approved before the first record had no lineage."""
    if approval.head_sequence:
        return plan
    return replace(plan, basis=replace(plan.basis, lineage=None, head=JournalHead()))


def _request_of(saved: SavedPlan) -> PlanRequest:
    """Returns the request with the options of the file. Raises UsageError for options that cannot be read."""
    try:
        addresses = [frozenset(map(Address.parse, texts)) for texts in (saved.scope.replace, saved.scope.reinstall)]
    except ValueError as problem:
        raise UsageError(error("plan-damaged", f"the plan has an option that {problem}", hint=_NEXT)) from None
    plan = saved.plan
    return PlanRequest(
        plan.mode,
        addresses[0],
        frozenset(plan.allowed),
        plan.selection,
        with_details=plan.mode is Mode.REFRESH,
        reinstall=addresses[1],
    )


def _is_plain(request: PlanRequest, scope: ApprovalScope) -> bool:
    """Returns whether an `apply` without options would make the same plan."""
    return request == PlanRequest() and not scope.variables


def _parsed(text: str) -> Approval:
    try:
        return Approval.parse(text)
    except ValueError as problem:
        hint = "Copy the whole text that `provisioner plan` has printed: five parts with dots between them"
        raise UsageError(error("approval-invalid", f"what --approved names {problem}", hint=hint)) from None
