"""plan: what would happen, without a lock and without writing anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from provisioner import planning
from provisioner.applying import Sight
from provisioner.cloud import Cloud
from provisioner.loading import Loaded
from provisioner.model.diagnostic import Diagnostic
from provisioner.model.event import Listener
from provisioner.model.foresight import NOTHING_ASKED, Foresight
from provisioner.model.identity import Identity
from provisioner.model.kind import Catalogue
from provisioner.model.plan import Mode, Plan
from provisioner.model.resource import Recorded
from provisioner.model.state import State
from provisioner.planning import Survey
from provisioner.store import StateStore
from provisioner.workflow.choosing import check_choice
from provisioner.workflow.clock_notes import clock_notes
from provisioner.workflow.elsewhere import Elsewhere
from provisioner.workflow.foreseeing import foresee
from provisioner.workflow.let_go import let_go
from provisioner.workflow.looking import ask_each, basis_of, check_identity, look
from provisioner.workflow.paid_terms import read_paid_terms
from provisioner.workflow.plan_session import PlanRequest
from provisioner.workflow.terms import Seen, with_renewals
from provisioner.workflow.vault import Vault
from provisioner.workflow.workspace import Workspace

if TYPE_CHECKING:
    from provisioner.cloud import Cloud


_MOST_TERMS = 50
"""Of servers that are there, for each of which a plan asks about an order."""


@dataclass(frozen=True, slots=True)
class Planned:
    plan: Plan = field(repr=False)
    """Not in the repr: asyncio formats the main task's result when it ends, and 10,000 servers took longer than planning."""
    warnings: tuple[Diagnostic, ...]
    requests: int
    """HTTP requests that it took."""


async def plan(workspace: Workspace, request: PlanRequest, listen: Listener) -> Planned:
    """Raises ProvisionerError for specs, state, credentials or a cloud that cannot be planned with."""
    loaded = workspace.load()
    store = workspace.store(loaded.stack)
    state = store.load()
    check_choice(request, loaded, state)
    at_work = store.holder() is not None
    notes = secrets_notes(workspace, request, loaded)
    async with workspace.cloud(loaded.stack, listen) as cloud:
        check_identity(state, cloud.identity)
        sight = await see(workspace, request, loaded, cloud=cloud, state=state, store=store)
        seen = await look_closer(workspace, request, loaded, cloud=cloud, state=state, sight=sight)
        made = await consider(
            workspace, request, loaded, state=state, sight=seen.sight, cloud=cloud, store=store, at_work=at_work
        )
        notes = (*notes, *seen.notes, *clock_notes(cloud, sight))
        return Planned(made, (*store.warnings, *loaded.warnings, *notes), cloud.requests)


async def look_closer(
    workspace: Workspace, request: PlanRequest, loaded: Loaded, *, cloud: Cloud, state: State | None, sight: Sight
) -> Seen:
    """With what only billing shows; of what is to be released nobody needs to know."""
    if request.mode is Mode.DESTROY:
        return Seen(sight)
    held = {recorded.id for recorded in state.resources.values()} if state else set()
    named = {one.id for one in loaded.handover.imports} - held
    stating = _stating_terms(loaded, state, workspace.catalogue)
    orders = {one.id: one.order_id for one in stating if one.id is not None and one.order_id is not None}
    asked = (*sorted(named), *(one.id for one in stating if one.id is not None and one.id in sight.live))
    paid = await read_paid_terms(cloud, sight, asked, workspace.catalogue, orders=orders)
    sight = paid.told(sight, workspace.catalogue)
    return await with_renewals(cloud, sight, desired=loaded.desired, state=state, catalogue=workspace.catalogue)


def _stating_terms(loaded: Loaded, state: State | None, catalogue: Catalogue) -> tuple[Recorded, ...]:
    """Servers of whose term the specs say what this state did not ask for: some a plan, as each takes a question about its order."""
    records = state.resources if state else {}
    found = (
        record
        for desired in loaded.desired
        if (record := records.get(desired.address)) is not None
        and planning.states_newly_what_is_billed(catalogue[record.kind], record, desired)
    )
    return tuple(islice(found, _MOST_TERMS))


async def see(
    workspace: Workspace, request: PlanRequest, loaded: Loaded, *, cloud: Cloud, state: State | None, store: StateStore
) -> Sight:
    """The same for plan and apply. Raises CloudError."""
    suspected = [one.id for one in loaded.handover.imports]
    if request.mode is Mode.APPLY:
        suspected += let_go(store.history, loaded.desired, state)
    sight = await look(cloud, state, workspace.catalogue, history=store.history, suspected=suspected)
    if state is None or not request.closely:
        return sight
    return await ask_each(cloud, state, sight, workspace.catalogue)


def secrets_notes(workspace: Workspace, request: PlanRequest, loaded: Loaded) -> tuple[Diagnostic, ...]:
    """About passwords that cannot be had here. What is only looked at needs none."""
    wanted = () if request.mode is Mode.REFRESH else loaded.desired
    return Vault(workspace.secrets(), None).check(wanted, workspace.catalogue, all_needed=False)


async def consider(
    workspace: Workspace,
    request: PlanRequest,
    loaded: Loaded,
    *,
    state: State | None,
    sight: Sight,
    cloud: Cloud,
    store: StateStore,
    at_work: bool = False,
) -> Plan:
    """The same for plan and apply, so that apply can do nothing that plan would not have shown. What has to be known before a
    release is asked when a plan has one.
    """
    elsewhere = Elsewhere(store, workspace.catalogue, cloud.identity, request.allow)
    claims = _elsewhere(elsewhere, loaded, state, sight)
    planned = partial(
        make,
        workspace,
        request,
        loaded,
        state=state,
        sight=sight,
        identity=cloud.identity,
        at_work=at_work,
        elsewhere=claims,
        unsure=_unsure(elsewhere, claims, sight),
    )
    made = planned()
    if refusals := tuple(elsewhere.refusals(made)):
        made = replace(made, refusals=(*made.refusals, *refusals))
    questions = planning.questions(made, workspace.catalogue)
    if questions.are_none:
        return made
    foresight = await foresee(cloud, questions)
    if questions.forbid_nothing:
        return planning.with_offers(made, foresight, workspace.catalogue)
    return replace(again := planned(foresight=foresight), refusals=(*again.refusals, *refusals))


def _elsewhere(elsewhere: Elsewhere, loaded: Loaded, state: State | None, sight: Sight) -> Mapping[str, str]:
    """Of those that the specs want to take over and have not yet, and of what a plan would speak of: other states are read for nothing
    else.
    """
    held = {recorded.id for recorded in state.resources.values()} if state else set()
    named = {one.id for one in loaded.handover.imports} - held
    rows = {identifier: sight.live[identifier] for identifier in named & sight.live.keys()}
    rows |= {row.id: row for row in planning.in_question(loaded.desired, state, sight.live, elsewhere.catalogue)}
    return elsewhere(rows.values())


def _unsure(elsewhere: Elsewhere, claims: Mapping[str, str], sight: Sight) -> frozenset[str]:
    if not elsewhere.unread():
        return frozenset()
    return frozenset(claims.keys() - elsewhere([sight.live[one] for one in claims], told=True).keys())


def make(
    workspace: Workspace,
    request: PlanRequest,
    loaded: Loaded,
    *,
    state: State | None,
    sight: Sight,
    identity: Identity,
    at_work: bool = False,
    foresight: Foresight = NOTHING_ASKED,
    elsewhere: Mapping[str, str] | None = None,
    unsure: frozenset[str] = frozenset(),
) -> Plan:
    """Without asking anybody."""
    vault = Vault(workspace.secrets(), state.lineage if state else None)
    survey = Survey(
        loaded.desired,
        state,
        sight.live,
        at_work,
        request.replace,
        reinstall=request.reinstall,
        policy=loaded.stack.purchase,
        traces=sight.traces,
        limits=loaded.stack.guards,
        allowed=request.allow,
        selection=request.selection,
        foresight=foresight,
        handover=loaded.handover,
        at=sight.at,
        here=sight.here,
        elsewhere=elsewhere or {},
        unsure=unsure,
        gaps=sight.gaps,
        reader=sight.reader,
    )
    return planning.plan(
        survey,
        mode=request.mode,
        basis=basis_of(loaded.stack, state, identity),
        catalogue=workspace.catalogue,
        fingerprint=vault.fingerprint,
    )
