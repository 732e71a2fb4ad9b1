"""Makes a plan from the specs, the state and the cloud. Every plan is made here.

All commands that plan share this module, so that apply can do nothing that plan would not have shown.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final

from provisioner import planning
from provisioner.applying import CloudSnapshot
from provisioner.loading import Loaded
from provisioner.model.address import Address
from provisioner.model.approval import Approval
from provisioner.model.approved_content import ApprovalScope, approved_content, head_text
from provisioner.model.diagnostic import Diagnostic
from provisioner.model.event import Listener
from provisioner.model.guards import Allowance
from provisioner.model.held_twice import NOTHING_HELD_TWICE, HeldTwice
from provisioner.model.history import HistoryRecord
from provisioner.model.kind import Catalogue
from provisioner.model.plan import Mode, Plan
from provisioner.model.release_facts import NO_RELEASE_FACTS, ReleaseFacts
from provisioner.model.resource import Recorded
from provisioner.model.selection import EVERYTHING, Selection
from provisioner.model.state import State
from provisioner.model.state_place import StatePlace
from provisioner.model.term import Term
from provisioner.planning import PlanInput
from provisioner.store import StateStore
from provisioner.workflow.cloud_snapshot import basis_of, check_identity, read_cloud, read_details, report_gaps
from provisioner.workflow.forgotten_servers import forgotten_servers, former_servers
from provisioner.workflow.output_changes import with_output_changes
from provisioner.workflow.paid_terms import PaidTerms, read_paid_terms
from provisioner.workflow.pins import with_account_warning
from provisioner.workflow.release_facts import read_release_facts
from provisioner.workflow.secret_resolver import SecretResolver
from provisioner.workflow.sibling_states import OtherStates
from provisioner.workflow.state_place import state_place
from provisioner.workflow.terms import SnapshotWithTerms, read_renewals
from provisioner.workflow.workspace import Workspace

if TYPE_CHECKING:
    from provisioner.cloud import Cloud

OPEN_CALLS: Final = frozenset({"in-doubt", "unsettled"})
"""Findings that tell of a call whose outcome is not known."""
_MOST_TERMS = 50
"""How many recorded servers with newly stated terms a plan asks billing about, at one request for the order of each."""


@dataclass(frozen=True, slots=True)
class PlanRequest:
    mode: Mode = Mode.APPLY
    replace: frozenset[Address] = frozenset()
    allow: frozenset[Allowance] = frozenset()
    selection: Selection = EVERYTHING
    with_details: bool = False
    """Also read the details that no list shows, with one request per server."""
    reinstall: frozenset[Address] = frozenset()


_PLAIN = PlanRequest()


@dataclass(frozen=True, slots=True)
class CurrentPlan:
    """A plan with the snapshot that it was made from, which includes billing's data. `notes` say what is not known."""

    plan: Plan = field(repr=False)
    snapshot: CloudSnapshot = field(repr=False)
    terms: Mapping[str, Term] = field(repr=False)
    notes: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class PlanSession:
    """Plans with one open connection to the cloud.

    It holds the inputs of a plan except the state and the snapshot, which may change during a command.
    """

    workspace: Workspace
    request: PlanRequest
    loaded: Loaded
    store: StateStore
    cloud: Cloud
    listen: Listener
    history: Callable[[], Iterable[HistoryRecord]]
    is_locked: bool = False
    """Another run holds the lock of the state."""

    @property
    def catalogue(self) -> Catalogue:
        return self.workspace.catalogue

    @property
    def approval_scope(self) -> ApprovalScope:
        """What an approval covers besides the plan."""
        request = self.request
        return ApprovalScope(
            tuple(sorted(map(str, request.replace))),
            tuple(sorted(map(str, request.reinstall))),
            self.loaded.given,
            self.workspace.place(self.loaded.stack),
        )

    def approve(self, plan: Plan, *, seconds: float) -> Approval | None:
        """The approval of `plan`, good for so many seconds. None for a plan that is refused, while the outcome of a call is not
        known, and where the cloud has not told the time.
        """
        now = self.cloud.time().latest()
        is_open = any(finding.code in OPEN_CALLS for finding in plan.findings)
        if now is None or is_open or plan.refusals:
            return None
        created = now // 1000
        return Approval.of(
            approved_content(plan, self.approval_scope),
            created=created,
            expires=created + round(seconds),
            head=head_text(plan.basis.head),
        )

    @property
    def other_states(self) -> OtherStates:
        return OtherStates(self.store, self.catalogue, self.cloud.identity, self.request.allow)

    async def read_cloud(self, state: State | None, *, suspected: Iterable[str] | None = None) -> CloudSnapshot:
        """Reads all live servers. Raises CloudError.

        Servers with the ids `suspected` are requested by id when the list lacks them, as recorded servers are. By
        default these are the ids that the specs import and those that the state has forgotten.
        """
        ids = self._suspected(state) if suspected is None else suspected
        snapshot = await read_cloud(self.cloud, state, self.catalogue, history=self.history, suspected=ids)
        if state is None or not self.request.with_details:
            return snapshot
        return await read_details(self.cloud, state, snapshot, self.catalogue)

    def report_gaps(self, snapshot: CloudSnapshot) -> None:
        """Reports the gaps of the list, for commands that show no plan."""
        report_gaps(snapshot, self.catalogue, self.listen)

    async def read_paid_terms(
        self, snapshot: CloudSnapshot, ids: Iterable[str], *, known: frozenset[str] = frozenset()
    ) -> PaidTerms:
        """Reads for how long these servers were bought. The periods of the servers in `known` are not read."""
        return await read_paid_terms(self.cloud, snapshot, ids, self.catalogue, known=known)

    async def read_renewals(self, state: State | None, snapshot: CloudSnapshot) -> SnapshotWithTerms:
        """Returns the snapshot with the terms and renewals that only billing knows.

        A destroy needs none, and asks for none.
        """
        if self.request.mode is Mode.DESTROY:
            return SnapshotWithTerms(snapshot)
        imported = self._imported(state)
        stating = self._stating_terms(state)
        orders = {one.id: one.order_id for one in stating if one.id is not None and one.order_id is not None}
        asked = (*sorted(imported), *(one.id for one in stating if one.id is not None and one.id in snapshot.live))
        paid = await read_paid_terms(self.cloud, snapshot, asked, self.catalogue, orders=orders)
        snapshot = paid.annotate(snapshot, self.catalogue)
        return await read_renewals(
            self.cloud, snapshot, desired=self.loaded.desired, state=state, catalogue=self.catalogue
        )

    async def plan(self, state: State | None, snapshot: CloudSnapshot) -> CurrentPlan:
        """Plans, and asks the catalogue and billing about the plan's purchases and releases."""
        renewed = await self.read_renewals(state, snapshot)
        plan = await self._plan(state, renewed.snapshot)
        if state is None:
            plan = await with_account_warning(plan, self.loaded.stack, self.cloud)
        plan, notes = with_output_changes(plan, self.loaded, state, self.catalogue)
        return CurrentPlan(plan, renewed.snapshot, renewed.terms, (*renewed.notes, *notes))

    async def _plan(self, state: State | None, snapshot: CloudSnapshot) -> Plan:
        other_states = self.other_states
        claims, unsure = other_states.claims(self.loaded.desired, state, snapshot.live, self._imported(state))
        held = other_states.held_twice(state)
        place = state_place(self.workspace, self.loaded.stack, self.store, self.cloud.identity, state)
        self.cloud.progress.begin("Comparing the specs with the state and the cloud")
        planned = partial(self.plan_offline, state, snapshot, claims=claims, unsure=unsure, held=held, place=place)
        plan = planned()
        answers = self.store.unrecorded_answers(state) if plan.work else ()
        refusals = (*other_states.refusals(plan), *planning.unrecorded_answer_refusals(plan, snapshot.live, answers))
        if refusals:
            plan = replace(plan, refusals=(*plan.refusals, *refusals))
        questions = planning.collect_questions(plan, self.catalogue)
        if questions.is_empty:
            return plan
        facts = await read_release_facts(self.cloud, questions)
        if questions.cannot_refuse:
            return planning.with_offer_warnings(plan, facts, self.catalogue)
        return replace(replanned := planned(facts=facts), refusals=(*replanned.refusals, *refusals))

    def plan_offline(
        self,
        state: State | None,
        snapshot: CloudSnapshot,
        *,
        facts: ReleaseFacts = NO_RELEASE_FACTS,
        claims: Mapping[str, str] | None = None,
        unsure: frozenset[str] = frozenset(),
        held: HeldTwice = NOTHING_HELD_TWICE,
        place: StatePlace | None = None,
    ) -> Plan:
        """Makes a plan from what is known already, without asking the cloud or reading another state.

        `claims` holds by server id why a server may belong to another state. `unsure` holds the ids among them
        that only an unreadable state may hold, and `held` what another state holds as well. With a `place`, a missing
        state is a finding.
        """
        request, loaded = self.request, self.loaded
        resolver = SecretResolver(self.workspace.secrets(), state.lineage if state else None)
        plan_input = PlanInput(
            loaded.desired,
            state,
            snapshot.live,
            self.is_locked,
            request.replace,
            reinstall=request.reinstall,
            policy=loaded.stack.purchase,
            traces=snapshot.traces,
            limits=loaded.stack.guards,
            allowed=request.allow,
            selection=request.selection,
            release_facts=facts,
            refactoring=loaded.refactoring,
            assumed_protected=loaded.assumed_protected,
            server_time=snapshot.server_time,
            local_time=snapshot.local_time,
            claims=claims or {},
            unsure_claims=unsure,
            held_twice=held,
            former=former_servers(self.history, self._imported(state)),
            gaps=snapshot.gaps,
            reader=snapshot.reader,
            place=place,
            hide=self.workspace.hide,
        )
        return planning.plan(
            plan_input,
            mode=request.mode,
            basis=basis_of(loaded.stack, state, self.cloud),
            catalogue=self.catalogue,
            fingerprint=resolver.fingerprint,
        )

    def _suspected(self, state: State | None) -> list[str]:
        imported = [one.id for one in self.loaded.refactoring.imports]
        buys = self.request.mode is Mode.APPLY
        return imported + (forgotten_servers(self.history, self.loaded.desired, state) if buys else [])

    def _imported(self, state: State | None) -> set[str]:
        """Returns the ids that the specs import and the state does not hold yet."""
        held = {recorded.id for recorded in state.resources.values()} if state else set()
        return {one.id for one in self.loaded.refactoring.imports} - held

    def _stating_terms(self, state: State | None) -> tuple[Recorded, ...]:
        """Returns recorded servers for which the specs state a term that this state never declared, up to a bound: each
        costs one request.
        """
        records = state.resources if state else {}
        found = (
            record
            for desired in self.loaded.desired
            if (record := records.get(desired.address)) is not None
            and planning.declares_new_billed_field(self.catalogue[record.kind], record, desired)
        )
        return tuple(islice(found, _MOST_TERMS))


@asynccontextmanager
async def open_plan_session(
    workspace: Workspace,
    loaded: Loaded,
    store: StateStore,
    state: State | None,
    *,
    listen: Listener,
    request: PlanRequest = _PLAIN,
    is_locked: bool = False,
    history: Callable[[], Iterable[HistoryRecord]] | None = None,
) -> AsyncIterator[PlanSession]:
    """Connects to the cloud for planning. `history` replaces the store's journal when that cannot be trusted.

    Raises StoreError when `state` is of another account, and the errors of connecting.
    """
    async with workspace.cloud(loaded.stack, listen) as cloud:
        check_identity(state, cloud.identity)
        yield PlanSession(workspace, request, loaded, store, cloud, listen, history or store.history, is_locked)
