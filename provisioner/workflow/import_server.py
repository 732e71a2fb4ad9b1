"""Records an existing server under an address. It sends nothing, and shows the record before it is written.

The plan makes the check and the record, so that the command `import` and the block `imports:` cannot differ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from provisioner.model.action import Action
from provisioner.model.address import Address
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, UsageError, error
from provisioner.model.event import Event, EventType
from provisioner.model.journal import Imported
from provisioner.model.plan import Plan
from provisioner.model.refactoring import Import, Refactoring
from provisioner.model.resource_id import HasId
from provisioner.model.state import State
from provisioner.store import LockWaitStatus
from provisioner.workflow.journal_run import JournalRun
from provisioner.workflow.plan_session import open_plan_session
from provisioner.workflow.selection import require_declared
from provisioner.workflow.workspace import Workspace, who

COMMAND = "import"


class ImportUI(Protocol):
    def show(self, change: Change) -> None:
        """Shows the comparison of the server with its spec before it is recorded."""
        ...

    def listen(self, event: Event) -> None: ...

    def on_lock_wait(self, wait: LockWaitStatus) -> None: ...


@dataclass(frozen=True, slots=True)
class ImportRequest(HasId):
    address: Address
    id: str
    lock_timeout: float = 0.0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ImportResult:
    """`change` is what a plan has for the address after the import; `findings` are the plan's findings about it."""

    change: Change
    findings: tuple[Diagnostic, ...]


async def import_server(workspace: Workspace, request: ImportRequest, ui: ImportUI) -> ImportResult:
    """Imports the server. Raises UsageError, and changes nothing, when it cannot be the server of that address."""
    loaded = workspace.load()
    require_declared([request.address], loaded, "import")
    named = replace(loaded, refactoring=Refactoring(imports=(Import(request.address, request.id),)))
    store = workspace.store(loaded.stack)
    for finding in (*store.warnings, *loaded.warnings):
        ui.listen(Event(EventType.NOTICE, diagnostic=finding))
    lock = store.write(
        command=COMMAND, who=who(), timeout=request.lock_timeout, on_wait=ui.on_lock_wait, reason=request.reason
    )
    with lock as session:
        async with open_plan_session(workspace, named, store, session.state, listen=ui.listen) as planner:
            snapshot = await planner.read_cloud(session.state, suspected=(request.id,))
            planner.report_gaps(snapshot)
            terms = await planner.read_paid_terms(snapshot, [request.id])
            snapshot = terms.annotate(snapshot, workspace.catalogue)
        _require_vacant(session.state, request)
        claims = planner.other_states(row for row in snapshot.live.values() if row.id == request.id)
        _require_adoption(planner.plan_offline(session.state, snapshot, claims=claims), request.address)
        stack = loaded.stack
        state = session.state or session.create(stack.name, stack.environment, identity=planner.cloud.identity)
        change = _require_adoption(planner.plan_offline(state, snapshot, claims=claims), request.address)
        ui.show(change)
        assert change.recorded is not None  # an adoption's `recorded` is the record to write
        evidence = f"named by {who()}" + (f": {request.reason}" if request.reason else "")
        journal = JournalRun(session, COMMAND, workspace.version, request.reason, caller=planner.cloud.caller)
        journal.append([Imported(terms.with_term(change.recorded), evidence)])
        after = replace(planner, loaded=loaded).plan_offline(session.checkpoint(), snapshot)
    return ImportResult(_change_of(after, request.address), _findings(after, request.address))


def _require_vacant(state: State | None, request: ImportRequest) -> None:
    """Raises UsageError `address-taken` when the address has a record.

    A deposed record without a successor counts as well, because it gets its address back.
    """
    known = state.resources if state else {}
    recorded = known.get(request.address) or known.get(request.address.as_deposed)
    if recorded is not None:
        hint = f"to forget that one without releasing it: `provisioner state rm {recorded.address.shell_quoted}`; nothing was changed"
        summary = f"{recorded.address} holds {recorded.id or recorded.order_id} already"
        raise UsageError(error("address-taken", summary, hint=hint, address=request.address))


def _require_adoption(plan: Plan, address: Address) -> Change:
    if refusals := tuple(refusal for refusal in plan.refusals if refusal.address == address):
        raise UsageError(*refusals)
    change = _change_of(plan, address)
    assert change.action is Action.ADOPT  # the plan refuses everything else
    return change


def _change_of(plan: Plan, address: Address) -> Change:
    return next(change for change in plan.changes if change.address == address)


def _findings(plan: Plan, address: Address) -> tuple[Diagnostic, ...]:
    return tuple(finding for finding in (*plan.findings, *plan.refusals) if finding.address == address)
