"""Rebuilds a damaged or lost state from its readable parts, the specs and the cloud's list.

It changes nothing in the cloud, and writes only what was shown and approved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import uuid4

from provisioner import planning
from provisioner.loading import Loaded
from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.doubt import find_untracked
from provisioner.model.event import Event, EventType
from provisioner.model.identity import Identity
from provisioner.model.journal import RunEnded, RunStarted
from provisioner.model.proposal import Confidence, Proposal
from provisioner.model.state import State
from provisioner.store import LockWaitStatus, Repair, Salvaged, SalvagedPart
from provisioner.workflow.cloud_snapshot import check_identity
from provisioner.workflow.plan_session import PlanSession, open_plan_session
from provisioner.workflow.secret_resolver import SecretResolver
from provisioner.workflow.system_clock import SystemClock
from provisioner.workflow.workspace import Workspace, who

COMMAND = "state rebuild"


@dataclass(frozen=True, slots=True)
class RebuildDraft:
    """The proposed state, which is shown before anything is written. `location` is that of the state."""

    location: str
    damage: tuple[Diagnostic, ...]
    parts: tuple[SalvagedPart, ...]
    proposal: Proposal
    notes: tuple[Diagnostic, ...]


class RebuildUI(Protocol):
    def show(self, draft: RebuildDraft) -> None: ...

    def approve(self, draft: RebuildDraft) -> bool: ...

    def listen(self, event: Event) -> None: ...

    def on_lock_wait(self, wait: LockWaitStatus) -> None: ...


@dataclass(frozen=True, slots=True)
class RebuildRequest:
    """`force`: rebuild even when nothing is damaged, and assume that records may be missing."""

    force: bool = False
    lock_timeout: float = 0.0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class RebuildResult:
    """The result of a rebuild. `draft` is None when nothing is damaged.

    `state` is None when nothing was written: either it was not approved, or the existing state needs no rebuilding.
    """

    location: str
    draft: RebuildDraft | None
    approved: bool = True
    state: State | None = None
    aside: tuple[str, ...] = ()
    counted: str = ""
    """The number of resources in the rebuilt state, in words: "3 servers"."""


async def rebuild(workspace: Workspace, request: RebuildRequest, ui: RebuildUI) -> RebuildResult:
    """Rebuilds the state. Raises ProvisionerError, and changes nothing, when it must not or cannot be rebuilt."""
    loaded = workspace.load()
    store = workspace.store(loaded.stack)
    for finding in (*store.warnings, *loaded.warnings):
        ui.listen(Event(EventType.NOTICE, diagnostic=finding))
    locked = store.repair(
        command=COMMAND,
        who=who(),
        timeout=request.lock_timeout,
        on_wait=ui.on_lock_wait,
        force=request.force,
        reason=request.reason,
    )
    with locked as repair:
        salvaged = repair.salvaged
        if not salvaged.damage and not salvaged.is_empty and not request.force:
            return RebuildResult(store.location, None)
        # The history of a damaged state is incomplete, so nothing may be concluded from it.
        async with open_plan_session(workspace, loaded, store, None, listen=ui.listen, history=tuple) as planner:
            empty = _empty_state(loaded, salvaged, planner.cloud.identity)
            proposal = await _propose(planner, salvaged, empty, force=request.force)
        draft = RebuildDraft(
            store.location, salvaged.damage, salvaged.parts, proposal, tuple(_notes(salvaged, proposal))
        )
        ui.show(draft)
        if not salvaged.damage and not any(
            row.recorded and row.address not in salvaged.resources for row in proposal.rows
        ):
            return RebuildResult(store.location, draft)
        if not ui.approve(draft):
            return RebuildResult(store.location, draft, approved=False)
        return _write(workspace, request, repair, empty, draft)


def _empty_state(loaded: Loaded, salvaged: Salvaged, identity: Identity) -> State:
    """Returns the new state without records.

    It keeps the old lineage if that is known, and its serial is above every known one.
    """
    return State(
        stack=loaded.stack.name,
        environment=loaded.stack.environment,
        lineage=salvaged.lineage or str(uuid4()),
        serial=salvaged.serial + 1,
        identity=salvaged.identity or identity,
    )


async def _propose(planner: PlanSession, salvaged: Salvaged, empty: State, *, force: bool) -> Proposal:
    workspace, loaded = planner.workspace, planner.loaded
    known = replace(empty, resources=salvaged.resources, intents=salvaged.intents, absent=salvaged.absent)
    check_identity(known, planner.cloud.identity)
    named = {*salvaged.unattributed_ids, *filter(None, (facts.id for facts in salvaged.unplaced))}
    snapshot = await planner.read_cloud(known, suspected=named)
    planner.report_gaps(snapshot)
    free = find_untracked(snapshot.live.values(), salvaged.resources.values())
    resolver = SecretResolver(workspace.secrets(), empty.lineage)
    proposal = planning.propose(
        planning.SalvagedRecords(
            resources=salvaged.resources,
            intents=salvaged.intents,
            absent=salvaged.absent,
            unplaced=salvaged.unplaced,
            mentioned=salvaged.mentioned,
            complete=salvaged.is_complete and not snapshot.gaps and not force,
            has_new_salt=salvaged.lineage is None,
            lineage=empty.lineage,
            claims=planner.other_states(free),
        ),
        loaded.desired,
        snapshot.live,
        catalogue=workspace.catalogue,
        fingerprint=resolver.fingerprint,
        now=snapshot.server_time or SystemClock().now(),
    )
    by_specs = {row.address for row in proposal.rows if row.by_specs}
    needed = [desired for desired in loaded.desired if desired.address in by_specs]
    resolver.check(needed, workspace.catalogue, all_needed=True)
    return proposal


def _notes(salvaged: Salvaged, proposal: Proposal) -> Iterator[Diagnostic]:
    recorded = [row for row in proposal.rows if row.recorded is not None]
    if not salvaged.is_complete:
        yield warning(
            "rebuild-incomplete",
            "records may be missing, because a part cannot be read",
            detail="a purchase may have been under way, and its server may appear late",
            hint="before the next apply, and at least half an hour after the last run, look at all servers and orders in the console",
        )
    if salvaged.lineage is None and any(
        row.by_specs and row.confidence is not Confidence.LIKELY for row in proposal.rows
    ):
        yield warning(
            "rebuild-lineage-lost",
            "the salt of the fingerprints of secrets is lost; they are made anew from today's secrets",
            hint="a password that was changed in the specs and not applied yet is not noticed as a change",
        )
    if len(recorded) > 0 and not any(row.candidates for row in recorded):
        yield warning(
            "rebuild-none-listed",
            f"the cloud lists none of the {len(recorded)} recorded servers",
            hint="check that the credentials belong to the same account, project and region: `provisioner credentials`",
        )
    placed = {name for row in recorded if row.recorded for name in (row.recorded.id, row.recorded.order_id)}
    for name in salvaged.unattributed_ids:
        if name in placed:
            continue
        yield warning(
            "rebuild-stray",
            f"the journal names {name} as bought, and the line with its address cannot be read",
            hint="look for it in the console, among the servers and the orders",
        )
    if any(row.confidence is Confidence.LIKELY for row in proposal.rows):
        yield warning(
            "rebuild-by-specs",
            "for likely servers, what the cloud does not show (passwords, userdata, disks) is taken from the specs",
            hint="if the specs have changed since the purchase, plan does not notice that",
        )


def _write(
    workspace: Workspace, request: RebuildRequest, repair: Repair, empty: State, draft: RebuildDraft
) -> RebuildResult:
    run, now = uuid4().hex, SystemClock().now()
    sources = "; ".join(f"{part.name}: {part.found}" for part in draft.parts)
    reason = f"rebuilt from the specs, the cloud's list, {sources}" + (f"; {request.reason}" if request.reason else "")
    replaced = repair.replace(
        empty,
        [
            RunStarted(run, COMMAND, who(), workspace.version, reason=reason, caller=workspace.caller),
            *planning.proposal_to_entries(draft.proposal, now=now, who=who()),
            RunEnded(run, "ended"),
        ],
    )
    kinds = [one.kind for one in replaced.state.resources.values()]
    counted = workspace.catalogue.counted(len(kinds), kinds)
    return RebuildResult(draft.location, draft, state=replaced.state, aside=replaced.aside, counted=counted)
