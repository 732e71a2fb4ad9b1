"""Executes an approved plan and records the result. Every command that changes the cloud sends through this module.

It decides nothing. The caller holds the lock, has read the cloud, and has the approval.
"""

from __future__ import annotations

import math
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol
from uuid import uuid4

from provisioner.applying import CloudSnapshot, Interruption, OtherStatesPort, RunContext, execute, no_other_states
from provisioner.cloud import Cloud
from provisioner.model.approved_content import approved_changes
from provisioner.model.diagnostic import CloudError, Diagnostic, StoreError, error
from provisioner.model.event import Event, RunResult
from provisioner.model.flow import Service
from provisioner.model.journal import Approved, Listed, RunEnded, RunStarted
from provisioner.model.plan import Plan
from provisioner.model.stack import Stack
from provisioner.model.state import State
from provisioner.planning import clear_stale_refusals, statements, trigger_entries, with_statements_applied
from provisioner.store import Session
from provisioner.workflow.clock_notes import UNDATED, UNDATED_HINT, undated_summary
from provisioner.workflow.known_orders import OtherOrders, has_purchases, known_orders, no_other_orders
from provisioner.workflow.namesakes import look_for_namesakes
from provisioner.workflow.release_facts import StockReader
from provisioner.workflow.secret_resolver import SecretResolver
from provisioner.workflow.system_clock import SystemClock
from provisioner.workflow.terms import record_terms
from provisioner.workflow.workspace import Workspace, who


class RunUI(Protocol):
    """The user interface of a run: receives its events and shows its progress."""

    def listen(self, event: Event) -> None: ...

    def show_progress(self, plan: Plan) -> AbstractContextManager[Interruption]:
        """Shows live progress and handles signals while the plan is executed.

        Yields the interruption that a signal requests.
        """
        ...


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """The result of a run. `state` is None when it could not be written after the work; `trouble` holds the errors."""

    result: RunResult = field(repr=False)
    state: State | None = field(repr=False)
    trouble: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """Executes plans of one command. `command` and `reason` go into the history; `resolve_timeout` is in seconds."""

    workspace: Workspace
    session: Session
    cloud: Cloud
    ui: RunUI
    command: str
    reason: str | None = None
    parallelism: int = 1
    resolve_timeout: float = 0.0
    records_terms: bool = False
    """Read and record the paid terms of existing servers from billing after the work."""
    other_states: OtherStatesPort = no_other_states
    orders_in_other_states: OtherOrders = no_other_orders
    approval: str = ""
    """The approval that the run carries out. Empty if it has none."""
    approval_scope: str = ""
    """The digest of the options, variables and settings of the approval."""
    dated_by: Service = Service.MODELARTS
    """The service whose clock dates the intents. A purchase must be dated by the service that it is sent to."""
    no_wait: bool = False
    """End where a change would wait for the cloud to build or release something."""

    async def execute(self, plan: Plan, stack: Stack, *, snapshot: CloudSnapshot) -> RunOutcome:
        """Executes the plan from the snapshot and records it.

        Raises CloudError before anything is recorded when the cloud's time is unknown, as no call could be dated, and
        when the lock is a lease and purchases cannot be signed, as one that is sent late could not be refused.
        """
        session = self.session
        if self.cloud.time(self.dated_by).latest() is None:
            why = self.cloud.time(self.dated_by).unknown_because
            raise CloudError(error(UNDATED, f"{undated_summary(why)}; nothing was sent", hint=UNDATED_HINT))
        if has_purchases(plan) and session.seconds_left() != math.inf:
            await self.cloud.prepare_signing()
        state = session.state or session.create(stack.name, stack.environment, identity=self.cloud.identity)
        resolver = SecretResolver(self.workspace.secrets(), state.lineage)
        run = uuid4().hex
        started = RunStarted(
            run,
            self.command,
            who(),
            self.workspace.version,
            reason=self.reason,
            allowed=plan.allowed,
            approval=self.approval,
            caller=self.cloud.caller,
            planned=Counter(change.action.value for change in plan.work),
        )
        is_new = self.approval and self.approval not in state.approvals
        approved = [Approved(self.approval, approved_changes(plan), self.approval_scope)] if is_new else []
        orders: frozenset[str] = frozenset()
        listed: list[Listed] = []
        if has_purchases(plan):
            self.cloud.progress.begin("Reading the orders that there are already")
            orders, are_all = await self._known_orders(plan, stack, state, snapshot)
            listed = [Listed(tuple(sorted(snapshot.live)), not snapshot.gaps, tuple(sorted(orders)), are_all)]
        session.append(
            [started, *approved, *trigger_entries(plan), *clear_stale_refusals(plan), *statements(plan), *listed]
        )
        plan = with_statements_applied(plan)
        self.cloud.progress.end()
        with self.ui.show_progress(plan) as interruption:
            result = await execute(self._context(plan, state, stack, resolver, interruption, orders, snapshot))
            # The end is recorded before the terms are read, so that an interruption cannot prevent the summary.
            outcome = self._record_end(run, result)
            if self.records_terms:
                outcome = await self._with_terms(outcome, plan, interruption)
            return await self._with_namesakes(outcome, plan, interruption)

    async def _known_orders(
        self, plan: Plan, stack: Stack, state: State, snapshot: CloudSnapshot
    ) -> tuple[frozenset[str], bool]:
        recorded = {record.order_id for record in state.resources.values() if record.order_id is not None}
        found, are_all = await known_orders(
            plan,
            snapshot,
            self.cloud,
            catalogue=self.workspace.catalogue,
            policy=stack.purchase,
            other_orders=self.orders_in_other_states,
        )
        return found | recorded, are_all

    def _context(
        self,
        plan: Plan,
        state: State,
        stack: Stack,
        resolver: SecretResolver,
        interruption: Interruption,
        orders: frozenset[str],
        snapshot: CloudSnapshot,
    ) -> RunContext:
        return RunContext(
            plan=plan,
            live=snapshot.live,
            gaps=snapshot.gaps,
            read_at=snapshot.read_at,
            catalogue=self.workspace.catalogue,
            cloud=self.cloud,
            ledger=self.session,
            secrets=resolver,
            clock=SystemClock(),
            interruption=interruption,
            listen=self.ui.listen,
            who=who(),
            sender=self.cloud.user,
            approval=self.approval,
            lineage=state.lineage,
            policy=stack.purchase,
            doubts=state.doubts,
            releases=state.open_releases,
            resolve_timeout=self.resolve_timeout,
            parallelism=self.parallelism,
            server_time=self._server_time,
            stock=StockReader(self.cloud),
            other_states=self.other_states,
            orders=orders,
            hide=self.workspace.hide,
            no_wait=self.no_wait,
        )

    def _server_time(self) -> int:
        now = self.cloud.time(self.dated_by).latest()
        assert now is not None  # checked before the run began, and a clock that is known stays known
        return now

    async def _with_terms(self, outcome: RunOutcome, plan: Plan, interruption: Interruption) -> RunOutcome:
        """Records the paid terms. An interruption ends it, and the outcome stays as it is."""
        if outcome.state is None:
            return outcome
        changed = {change.address for change in plan.work}
        task = await interruption.until_first(
            record_terms(self.cloud, self.session, self.workspace.catalogue, changed=changed)
        )
        try:
            return outcome if task.cancelled() else replace(outcome, state=task.result())
        except StoreError as failure:
            return replace(outcome, trouble=failure.diagnostics)

    async def _with_namesakes(self, outcome: RunOutcome, plan: Plan, interruption: Interruption) -> RunOutcome:
        """Adds the namesakes of what was bought. An interruption ends the look, and the outcome stays as it is."""
        if outcome.state is None or outcome.result.interrupted:
            return outcome
        look = look_for_namesakes(self.cloud, plan, outcome.state, self.workspace.catalogue, self.other_states)
        task = await interruption.until_first(look)
        findings = () if task.cancelled() else task.result()
        if not findings:
            return outcome
        return replace(outcome, result=replace(outcome.result, findings=(*outcome.result.findings, *findings)))

    def _record_end(self, run: str, result: RunResult) -> RunOutcome:
        """Records the end of the run. A journal that fails becomes `trouble`, so that the results are still shown."""
        try:
            outcome = "interrupted" if result.interrupted else "ended"
            self.session.append([RunEnded(run, outcome)])
            return RunOutcome(result, self.session.checkpoint())
        except StoreError as failure:
            return RunOutcome(result, None, failure.diagnostics)
