"""A harness for apply: a scripted cloud, a journal that outlives its runs, and runs as the workflow would make them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from support import event_loop
from support.builders import a_desired, a_state
from support.incremental_replay import IncrementalReplay
from support.scripted_cloud import ScriptedCloud
from support.simulation import Crash, CrashPlan, ManualClock, MemoryLedger

from provisioner import planning
from provisioner.applying import (
    CloudListing,
    CloudSnapshot,
    Interruption,
    RunContext,
    execute,
    read_listing,
    read_traces,
    recover,
)
from provisioner.kinds import CATALOGUE
from provisioner.model.address import Address
from provisioner.model.event import Event, EventType, Result, RunResult
from provisioner.model.flow import Effect
from provisioner.model.guards import ALL, Allowance
from provisioner.model.journal import Entry, Intended, Remembered, Settled
from provisioner.model.plan import Basis, Mode, Plan
from provisioner.model.purchase_policy import DEFAULT_POLICY, PurchasePolicy
from provisioner.model.refactoring import NO_REFACTORING, Refactoring
from provisioner.model.resource import Desired
from provisioner.model.secret import Secret
from provisioner.model.selection import EVERYTHING, Selection
from provisioner.model.state import Intent, State
from provisioner.planning import PlanInput

HANG_TIMEOUT = 30
"""Seconds of real time after which a run in which nothing moves any more counts as failed."""
PREPAID = {"charging_mode": "PRE_PAID", "period_type": "MONTH", "period_num": 1, "is_auto_pay": True}


class StubSecrets:
    def reveal(self, reference):
        return Secret("canary")

    def fingerprint(self, reference):
        return "f0"


@dataclass
class ApplyHarness:
    """`apply` does what the command does: it reads the cloud, recovers, plans and executes. At every step it checks
    that no server of ours is lost.
    """

    clock: ManualClock = field(default_factory=ManualClock)
    entries: list[Entry] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    base: State = field(default_factory=a_state)
    interruption: Interruption = field(default_factory=Interruption)
    listeners: list[Callable[[Event], None]] = field(default_factory=list)
    policy: PurchasePolicy = DEFAULT_POLICY
    after_writing: Callable[[Sequence[Entry]], None] = lambda _entries: None
    selection: Selection = EVERYTHING
    allowed: frozenset[Allowance] = ALL
    reinstalling: tuple[str, ...] = ()
    refactoring: Refactoring = NO_REFACTORING
    resolve_timeout: float = 0.0
    """Zero, because most tests are about what the next run does with a purchase in doubt."""
    no_wait: bool = False

    def __post_init__(self) -> None:
        self.cloud = ScriptedCloud(self.clock)
        self.crash_plan = self.cloud.crash_plan
        self.ledger = MemoryLedger(self.entries, self.crash_plan)
        self._replayed = IncrementalReplay()

    @property
    def state(self) -> State:
        return self._replayed.state(self.base, self.entries)

    def apply(
        self,
        *desired: Desired,
        mode: Mode = Mode.APPLY,
        replacing: Iterable[str] = (),
        saved: Plan | None = None,
        parallelism: int = 10,
        die_at: int | None = None,
        **ledger: Any,
    ) -> RunResult | None:
        """Returns None if the run died, at the step `die_at`."""
        self.interruption = Interruption()
        self.crash_plan = self.cloud.crash_plan = CrashPlan(die_at, self.check_nothing_is_lost)
        self.ledger = MemoryLedger(self.entries, self.crash_plan, after=self.after_writing, **ledger)

        async def run() -> RunResult:
            async with asyncio.timeout(HANG_TIMEOUT):
                listing = await self._read_listing()
                snapshot = CloudSnapshot(listing.live, self.server_time(), await self._traces(), listing.gaps)
                state = recover(
                    self.state,
                    snapshot,
                    catalogue=CATALOGUE,
                    policy=self.policy,
                    ledger=self.ledger,
                    listen=self._listen,
                )
                plan = saved or self._plan(desired, state, listing, mode, replacing)
                assert not plan.refusals
                if stated := [*planning.statements(plan)]:
                    self.ledger.append(stated)
                plan = planning.with_statements_applied(plan)
                return await execute(self._context(plan, listing, parallelism))

        try:
            return event_loop.run(run())
        except Crash:
            return None

    def plan(self, *desired: Desired, mode: Mode = Mode.APPLY, replacing: Iterable[str] = ()) -> Plan:
        plan = self.plan_with_refusals(*desired, mode=mode, replacing=replacing)
        assert not plan.refusals
        return plan

    def plan_with_refusals(self, *desired: Desired, mode: Mode = Mode.APPLY, replacing: Iterable[str] = ()) -> Plan:
        """Returns a plan that a guard may have refused."""
        return self._plan(desired, self.state, event_loop.run(self._read_listing()), mode, replacing)

    def execute(self, plan: Plan, *, parallelism: int = 10, **parts: Any) -> RunResult:
        """Executes a plan as it stands, with `parts` of the run's context replaced. Raises what the run raises."""
        self.interruption = self.interruption if self.interruption.requested else Interruption()

        async def run() -> RunResult:
            async with asyncio.timeout(HANG_TIMEOUT):
                return await execute(replace(self._context(plan, await self._read_listing(), parallelism), **parts))

        return event_loop.run(run())

    def server_time(self) -> int:
        """Returns the time by the cloud's clock, which may be ahead of ours and is the one that counts."""
        return self.clock.now() + self.cloud.clock_ahead

    async def _traces(self) -> dict[str, Any]:
        known = {one.order_id for one in self.state.resources.values()}
        known |= {server.order_id for server in self.cloud.servers.values()}
        with self.cloud.undisturbed():
            async with self.cloud.channel() as channel:
                found = await read_traces(CATALOGUE["dev_server"], channel, self.state.purchases_in_doubt)
        return {
            key: None if traces is None else tuple(trace for trace in traces if trace.order_id not in known)
            for key, traces in found.items()
        }

    def check_nothing_is_lost(self) -> None:
        """Checks what must hold at every instant: the state is valid, and every server of ours stands in it or in an
        intent.
        """
        state = self.state
        assert not self._replayed.problems(self.base, self.entries)
        ids = {one.id for one in state.resources.values()}
        orders = {one.order_id for one in state.resources.values()} - {None}
        open_or_absent = (*state.intents.values(), *state.absent.values())
        searched_names = {intent.name for intent in open_or_absent if intent.effect is Effect.PURCHASE}
        of_several = any(intent.members for intent in open_or_absent)  # whose servers may have any names
        for server in self.cloud.ours:
            is_searched = server.name in searched_names or (of_several and server.order_id is not None)
            assert server.id in ids or server.order_id in orders or is_searched, f"{server} is lost"

    def addresses_with(self, event: EventType) -> list[str]:
        return [str(one.address) for one in self.events if one.type is event]

    def settled_outcomes(self) -> list[str]:
        return [entry.outcome for entry in self.entries if isinstance(entry, Settled)]

    @property
    def intents(self) -> list[Intent]:
        """The intents of all calls that were about to be sent."""
        return [entry.intent for entry in self.entries if isinstance(entry, Intended)]

    def remembered(self) -> list[str]:
        return [entry.phase.value for entry in self.entries if isinstance(entry, Remembered)]

    async def _read_listing(self) -> CloudListing:
        ids = [one.id for one in self.state.resources.values() if one.id]
        with self.cloud.undisturbed():
            async with self.cloud.channel() as channel:
                return await read_listing(CATALOGUE["dev_server"], channel, ids)

    def _plan(
        self, desired: tuple[Desired, ...], state: State, listing: CloudListing, mode: Mode, replacing: Iterable[str]
    ) -> Plan:
        named = frozenset(Address.parse(text) for text in replacing)
        plan_input = PlanInput(
            desired,
            state,
            listing.live,
            gaps=listing.gaps,
            replace=named & {one.address for one in desired},
            reinstall=frozenset(map(Address.parse, self.reinstalling)),
            policy=self.policy,
            allowed=self.allowed,
            selection=self.selection,
            refactoring=self.refactoring,
        )
        basis = Basis("demo", "dev", state.identity, state.lineage, state.serial, state.head)
        return planning.plan(
            plan_input, mode=mode, basis=basis, catalogue=CATALOGUE, fingerprint=StubSecrets().fingerprint
        )

    def _context(self, plan: Plan, listing: CloudListing, parallelism: int) -> RunContext:
        return RunContext(
            plan=plan,
            live=listing.live,
            gaps=listing.gaps,
            catalogue=CATALOGUE,
            cloud=self.cloud,
            ledger=self.ledger,
            secrets=StubSecrets(),
            clock=self.clock,
            interruption=self.interruption,
            listen=self._listen,
            who="ana@laptop",
            sender="ana",
            lineage=self.base.lineage,
            server_time=self.server_time,
            policy=self.policy,
            doubts=self.state.doubts,
            resolve_timeout=self.resolve_timeout,
            parallelism=parallelism,
            no_wait=self.no_wait,
        )

    def _listen(self, event: Event) -> None:
        self.events.append(event)
        for listener in self.listeners:
            listener(event)


@pytest.fixture
def new_harness() -> type[ApplyHarness]:
    return ApplyHarness


@pytest.fixture
def harness() -> ApplyHarness:
    return ApplyHarness()


def some_servers(count: int, *, prepaid: bool = False, prefix: str = "trainer", **fields: Any) -> tuple[Desired, ...]:
    charging = {"charging_info": PREPAID} if prepaid else {}
    names = [f"{prefix}-{index}" for index in range(count)]
    return tuple(
        a_desired(f"trainer[{index}]", fields={"name": name, "flavor": "Si2.large.4"} | charging | fields)
        for index, name in enumerate(names)
    )


@pytest.fixture
def servers() -> Callable[..., tuple[Desired, ...]]:
    return some_servers


@pytest.fixture
def result_types() -> Callable[[RunResult | None], list[str]]:
    """Returns the type of each result, in the order of the plan."""

    def listed(result: RunResult | None) -> list[str]:
        assert result is not None, "the run died"
        return [one.type.value for one in result.results]

    return listed


@pytest.fixture
def only_result() -> Callable[[RunResult | None], Result]:
    def single(result: RunResult | None) -> Result:
        assert result is not None, "the run died"
        (one,) = result.results
        return one

    return single
