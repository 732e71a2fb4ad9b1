"""Adopts servers that no state owns: selects them, writes them into the specs, records them, and plans to prove that
they match.

The specs are written first, with an `imports:` entry for each server, so that after a crash an apply finishes the
adoption. When the new specs do not fit, their file is deleted again before anything is recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

from provisioner import planning
from provisioner.applying import CloudSnapshot
from provisioner.loading import ExistingResource
from provisioner.model.action import Action
from provisioner.model.address import Address
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, ProvisionerError, UsageError, error
from provisioner.model.doubt import find_untracked
from provisioner.model.event import Event, EventType
from provisioner.model.journal import Imported
from provisioner.model.plan import Plan
from provisioner.model.resource import Live
from provisioner.model.state import State
from provisioner.planning import UnmanagedServer
from provisioner.store import LockWaitStatus, Session
from provisioner.workflow.adopted_specs import free_path, remove_written, servers_as_specs, specs_text, write_once
from provisioner.workflow.journal_run import JournalRun
from provisioner.workflow.paid_terms import PaidTerms
from provisioner.workflow.plan_session import PlanSession, open_plan_session
from provisioner.workflow.terraform_state import TerraformInstance, read_terraform
from provisioner.workflow.workspace import Workspace, who

COMMAND = "adopt"
_FINDINGS_SHOWN = 5


class AdoptUI(Protocol):
    def choose(self, found: Sequence[UnmanagedServer]) -> Sequence[Live]:
        """Returns the servers to adopt; none when nobody can be asked."""
        ...

    def approve(self, path: Path | None, text: str, chosen: Sequence[Live]) -> bool:
        """Asks whether to write `text` to `path` and adopt `chosen`.

        `path` is None when the specs contain all of it already.
        """
        ...

    def listen(self, event: Event) -> None: ...

    def on_lock_wait(self, wait: LockWaitStatus) -> None: ...


@dataclass(frozen=True, slots=True)
class AdoptRequest:
    """Which servers to adopt. Without `everything`, `match` and `terraform`, a person chooses.

    `match` holds patterns of names.
    """

    everything: bool = False
    match: tuple[str, ...] = ()
    terraform: Path | None = None
    """A Terraform state. Every server that it manages is adopted, and its attributes go into the specs."""
    lock_timeout: float = 0.0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class AdoptResult:
    """What `adopt` found and did.

    `plan` is made after everything is recorded, and None when nothing was. `requests` counts the HTTP requests of the
    command.
    """

    found: tuple[UnmanagedServer, ...]
    path: Path | None = None
    addresses: tuple[Address, ...] = ()
    plan: Plan | None = field(default=None, repr=False)
    requests: int = 0
    approved: bool = True
    is_partial: bool = False
    """The user asked for all servers, or all of some name, and the list may hide some of them."""

    @property
    def remaining_changes(self) -> tuple[Change, ...]:
        """The changes that the plan still has for the adopted servers; none when the specs match what was adopted."""
        ours = frozenset(self.addresses)
        return tuple(change for change in self.plan.work if change.address in ours) if self.plan else ()


async def adopt(workspace: Workspace, request: AdoptRequest, ui: AdoptUI) -> AdoptResult:
    """Adopts the requested servers.

    Raises ProvisionerError when something does not fit; specs and state are then unchanged.
    """
    loaded = workspace.load()
    managed = read_terraform(request.terraform, workspace.catalogue) if request.terraform else ()
    store = workspace.store(loaded.stack)
    for finding in (*store.warnings, *loaded.warnings):
        ui.listen(Event(EventType.NOTICE, diagnostic=finding))
    lock = store.write(
        command=COMMAND, who=who(), timeout=request.lock_timeout, on_wait=ui.on_lock_wait, reason=request.reason
    )
    with lock as session:
        async with open_plan_session(workspace, loaded, store, session.state, listen=ui.listen) as planner:
            suspected = [one.id for one in managed]
            snapshot = await planner.read_cloud(session.state, suspected=suspected)
            planner.report_gaps(snapshot)
            free = find_untracked(snapshot.live.values(), session.state.resources.values() if session.state else ())
            claims = planner.other_states(free)
            found = planning.find_unmanaged_servers(session.state, snapshot.live, workspace.catalogue, claims=claims)
            is_partial = bool(request.everything or request.match) and any(gap.is_reported for gap in snapshot.gaps)
            chosen = _select_managed(managed, found, session.state) if managed else _select(request, found, ui)
            if not chosen:
                return AdoptResult(found, requests=planner.cloud.requests, is_partial=is_partial)
            known = frozenset(_ids_with_period(workspace, managed, snapshot))
            terms = await planner.read_paid_terms(snapshot, [row.id for row in chosen], known=known)
            live = terms.annotate(snapshot, workspace.catalogue).live
            chosen = [live[row.id] for row in chosen]
            existing = tuple(servers_as_specs(workspace, loaded, session.state, chosen, managed))
            text = specs_text(workspace, loaded, existing, chosen, terraform=bool(managed))
            path = free_path(workspace.directory) if text else None
            if not ui.approve(path, text, chosen):
                return AdoptResult(found, approved=False, requests=planner.cloud.requests)
            snapshot = await planner.read_cloud(session.state, suspected=suspected)
            snapshot = terms.annotate(snapshot, workspace.catalogue)
            _write_and_record(planner, request, session, snapshot, terms, path=path, text=text, existing=existing)
            after, state = replace(planner, loaded=workspace.load()), session.checkpoint()
            renewed = await after.read_renewals(state, await after.read_cloud(state, suspected=()))
            plan = after.plan_offline(state, renewed.snapshot)
            addresses = tuple(one.address for one in existing)
            return AdoptResult(found, path, addresses, plan, planner.cloud.requests, is_partial=is_partial)


def _select(request: AdoptRequest, found: tuple[UnmanagedServer, ...], ui: AdoptUI) -> Sequence[Live]:
    if not request.everything and not request.match:
        return ui.choose(found)
    for pattern in request.match:
        if not any(fnmatchcase(one.row.name, pattern) for one in found):
            hint = "`provisioner adopt` lists the servers that can be adopted; nothing was changed"
            raise UsageError(
                error("unknown-server", f"no server without an owner has a name like {pattern!r}", hint=hint)
            )
    fitting = [
        one for one in found if request.everything or any(fnmatchcase(one.row.name, each) for each in request.match)
    ]
    return [one.row for one in fitting if not one.problem]


def _select_managed(
    managed: Sequence[TerraformInstance], found: tuple[UnmanagedServer, ...], state: State | None
) -> list[Live]:
    """Returns the live rows of the servers that Terraform manages, without those that this state records already.

    Raises UsageError when one of them is not listed or cannot be adopted.
    """
    owners = {one.id: one.address for one in state.resources.values()} if state else {}
    free = {one.row.id: one for one in found}
    errors = []
    for one in managed:
        if one.id not in owners and one.id not in free:
            hint = "check that the credentials belong to that account, project and region; nothing was changed"
            errors.append(
                error(
                    "unknown-server", f"the cloud does not list {one.id}, which Terraform has as {one.key}", hint=hint
                )
            )
        elif one.id in free and (problem := free[one.id].problem):
            hint = "settle that first; nothing was changed"
            errors.append(error("tfstate-unfit", f"{one.key} ({one.id}) cannot be taken over: {problem}", hint=hint))
    if errors:
        raise UsageError(*errors)
    return [free[one.id].row for one in managed if one.id in free]


def _ids_with_period(
    workspace: Workspace, managed: Sequence[TerraformInstance], snapshot: CloudSnapshot
) -> Iterable[str]:
    """Returns the ids of the servers for which the Terraform state shows for how long they were bought."""
    rows = (
        (one, row, workspace.catalogue[row.kind]) for one in managed if (row := snapshot.live.get(one.id)) is not None
    )
    known = ((one.id, kind, kind.adoption.from_terraform(one.attributes, row)) for one, row, kind in rows)
    return (identifier for identifier, kind, fields in known if kind.billing.field in fields)


def _write_and_record(
    planner: PlanSession,
    request: AdoptRequest,
    session: Session,
    snapshot: CloudSnapshot,
    terms: PaidTerms,
    *,
    path: Path | None,
    text: str,
    existing: Sequence[ExistingResource],
) -> None:
    """Writes the specs and records the servers. Deletes the new file when the specs with it do not fit."""
    workspace = planner.workspace
    if path is not None:
        write_once(path, text)
    try:
        planner = replace(planner, loaded=workspace.load())
        _adoptions(planner.plan_offline(session.state, snapshot), existing)
    except ProvisionerError as unfit:
        if path is not None:
            remove_written(path, text)
        raise UsageError(_unfit_error(unfit.diagnostics)) from unfit
    stack = planner.loaded.stack
    state = session.state or session.create(stack.name, stack.environment, identity=planner.cloud.identity)
    changes = _adoptions(planner.plan_offline(state, snapshot), existing)
    evidence = f"adopted by {who()}" + (f": {request.reason}" if request.reason else "")
    journal = JournalRun(session, COMMAND, workspace.version, request.reason, caller=planner.cloud.caller)
    records = [terms.with_term(change.recorded) for change in changes if change.recorded is not None]
    journal.append([Imported(record, evidence) for record in records])


def _adoptions(plan: Plan, existing: Sequence[ExistingResource]) -> tuple[Change, ...]:
    """Returns the changes that adopt `existing`.

    Raises UsageError with the plan's refusals when one of them would not match its spec.
    """
    ours = {one.address for one in existing}
    if refusals := tuple(refusal for refusal in plan.refusals if refusal.address in ours):
        raise UsageError(*refusals)
    changes = tuple(change for change in plan.changes if change.address in ours)
    assert all(change.action is Action.ADOPT for change in changes)  # the plan refuses everything else
    return changes


def _unfit_error(found: tuple[Diagnostic, ...]) -> Diagnostic:
    lines = [f"{one.address}: {one.summary}" if one.address else one.summary for one in found]
    rest = f"\n... and {len(lines) - _FINDINGS_SHOWN} more" if len(lines) > _FINDINGS_SHOWN else ""
    return error(
        "adopt-unfit",
        "the specs that would be written are not valid, or do not fit the servers",
        detail="\n".join(lines[:_FINDINGS_SHOWN]) + rest,
        hint="put fields that the cloud never shows and every server needs under `defaults:` in stack.yaml (often network: {security_group_id: ...}); use --match to leave out servers that differ. Nothing was changed",
    )
