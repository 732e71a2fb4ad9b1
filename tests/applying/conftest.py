"""A world: a scripted cloud, a journal that outlives its runs, and the run itself as the workflow would carry it out."""

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

SECONDS_UNTIL_HUNG = 30
"""Of real time: a run that nothing moves any more is a failure and not a wait."""
PREPAID = {"charging_mode": "PRE_PAID", "period_type": "MONTH", "period_num": 1, "is_auto_pay": True}


class OpenVault:
    def reveal(self, reference):
        return Secret("canary")

    def fingerprint(self, reference):
        return "f0"


@dataclass
class World:
    """`apply` is what the command does: look, recover, plan, carry out. At every step of it nothing of ours is lost."""

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
    """Most tests are about what the next run makes of a doubt."""

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
        """None when the run died."""
        self.interruption = Interruption()
        self.crash_plan = self.cloud.crash_plan = CrashPlan(die_at, self.examine)
        self.ledger = MemoryLedger(self.entries, self.crash_plan, after=self.after_writing, **ledger)

        async def run() -> RunResult:
            async with asyncio.timeout(SECONDS_UNTIL_HUNG):
                shown = await self._look()
                snapshot = CloudSnapshot(shown.live, self.server_time(), await self._traces(), shown.gaps)
                state = recover(
                    self.state,
                    snapshot,
                    catalogue=CATALOGUE,
                    policy=self.policy,
                    ledger=self.ledger,
                    listen=self._listen,
                )
                plan = saved or self._plan(desired, state, shown, mode, replacing)
                assert not plan.refusals
                return await execute(self._context(plan, shown, parallelism))

        try:
            return event_loop.run(run())
        except Crash:
            return None

    def plan(self, *desired: Desired, mode: Mode = Mode.APPLY, replacing: Iterable[str] = ()) -> Plan:
        plan = self.survey_plan(*desired, mode=mode, replacing=replacing)
        assert not plan.refusals
        return plan

    def survey_plan(self, *desired: Desired, mode: Mode = Mode.APPLY, replacing: Iterable[str] = ()) -> Plan:
        """One that a guard may refuse."""
        return self._plan(desired, self.state, event_loop.run(self._look()), mode, replacing)

    def carry_out(self, plan: Plan, *, parallelism: int = 10, **parts: Any) -> RunResult:
        """A plan as it stands, with `parts` of the context exchanged. Raises what the run raises."""
        self.interruption = self.interruption if self.interruption.requested else Interruption()

        async def run() -> RunResult:
            async with asyncio.timeout(SECONDS_UNTIL_HUNG):
                return await execute(replace(self._context(plan, await self._look(), parallelism), **parts))

        return event_loop.run(run())

    def server_time(self) -> int:
        """The cloud's clock is before ours, and is the one that counts."""
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

    def examine(self) -> None:
        """What must hold at every instant: the state is valid, and every server of ours stands in it or in an intent."""
        state = self.state
        assert not self._replayed.problems(self.base, self.entries)
        ids = {one.id for one in state.resources.values()}
        orders = {one.order_id for one in state.resources.values()} - {None}
        open_or_absent = (*state.intents.values(), *state.absent.values())
        sought = {intent.name for intent in open_or_absent if intent.effect is Effect.PURCHASE}
        of_several = any(intent.members for intent in open_or_absent)  # under whatever names
        for server in self.cloud.ours:
            is_sought = server.name in sought or (of_several and server.order_id is not None)
            assert server.id in ids or server.order_id in orders or is_sought, f"{server} is lost"

    def happened(self, event: EventType) -> list[str]:
        return [str(one.address) for one in self.events if one.type is event]

    def outcomes(self) -> list[str]:
        return [entry.outcome for entry in self.entries if isinstance(entry, Settled)]

    @property
    def intents(self) -> list[Intent]:
        """Of everything that was about to be sent."""
        return [entry.intent for entry in self.entries if isinstance(entry, Intended)]

    def remembered(self) -> list[str]:
        return [entry.phase.value for entry in self.entries if isinstance(entry, Remembered)]

    async def _look(self) -> CloudListing:
        ids = [one.id for one in self.state.resources.values() if one.id]
        with self.cloud.undisturbed():
            async with self.cloud.channel() as channel:
                return await read_listing(CATALOGUE["dev_server"], channel, ids)

    def _plan(
        self, desired: tuple[Desired, ...], state: State, shown: CloudListing, mode: Mode, replacing: Iterable[str]
    ) -> Plan:
        named = frozenset(Address.parse(text) for text in replacing)
        survey = PlanInput(
            desired,
            state,
            shown.live,
            gaps=shown.gaps,
            replace=named & {one.address for one in desired},
            reinstall=frozenset(map(Address.parse, self.reinstalling)),
            policy=self.policy,
            allowed=self.allowed,
            selection=self.selection,
            refactoring=self.refactoring,
        )
        basis = Basis("demo", "dev", state.identity, state.lineage, state.serial, state.head)
        return planning.plan(survey, mode=mode, basis=basis, catalogue=CATALOGUE, fingerprint=OpenVault().fingerprint)

    def _context(self, plan: Plan, shown: CloudListing, parallelism: int) -> RunContext:
        return RunContext(
            plan=plan,
            live=shown.live,
            gaps=shown.gaps,
            catalogue=CATALOGUE,
            cloud=self.cloud,
            ledger=self.ledger,
            secrets=OpenVault(),
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
        )

    def _listen(self, event: Event) -> None:
        self.events.append(event)
        for listener in self.listeners:
            listener(event)


@pytest.fixture
def new_world() -> type[World]:
    return World


@pytest.fixture
def world() -> World:
    return World()


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
def types() -> Callable[[RunResult | None], list[str]]:
    """How each address ended, in the plan's order."""

    def listed(result: RunResult | None) -> list[str]:
        assert result is not None, "the run died"
        return [one.type.value for one in result.results]

    return listed


@pytest.fixture
def only() -> Callable[[RunResult | None], Result]:
    def single(result: RunResult | None) -> Result:
        assert result is not None, "the run died"
        (one,) = result.results
        return one

    return single
