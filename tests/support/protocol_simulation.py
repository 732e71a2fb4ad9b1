"""One wanted server in one world, told by the product's own recovery, planner and executor, run after run until nothing is open.

At every step on disk or wire it is examined; what the world ends with is judged by the cloud's ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from support.anomalies import Clocks, ObservedTime, Reply, Sibling, View, elsewhere, spelling
from support.builders import a_desired, a_state
from support.event_loop import run
from support.incremental_replay import IncrementalReplay
from support.late_cloud import MINUTE, Delivery, LateCloud
from support.silence import least_silence
from support.simulation import Crash, CrashPlan, ManualClock, MemoryLedger

from provisioner import planning
from provisioner.applying import (
    CloudSnapshot,
    Interruption,
    RunContext,
    execute,
    no_other_states,
    read_live,
    read_traces,
    recover,
)
from provisioner.kinds import CATALOGUE
from provisioner.model.diagnostic import Diagnostic
from provisioner.model.doubt import find_untracked, quiet_until
from provisioner.model.event import ResultType, RunResult
from provisioner.model.flow import Call, Effect
from provisioner.model.journal import Adopted, Entry, Intended, Listed, Settled
from provisioner.model.list_gap import NO_NAMES, ListGap
from provisioner.model.plan import Basis, Mode, Plan
from provisioner.model.purchase_policy import Prepaid, PurchasePolicy
from provisioner.model.resource import Live, Timeouts
from provisioner.model.secret import Secret
from provisioner.model.state import State
from provisioner.planning import PlanInput
from provisioner.workflow.sibling_states import OtherStates

NAME = "trainer"
_END = 200 * MINUTE
_UNREAD = 120 * MINUTE
"""Until when a sibling that cannot be read is not."""
_PAUSE = 5 * MINUTE
_TIMEOUT = 4.0
"""Seconds for which a run follows a build: what takes longer is for the next one."""
_PREPAID = {"charging_mode": "PRE_PAID", "period_type": "MONTH", "period_num": 1, "is_auto_pay": True}


class Stranger(Enum):
    NONE = "none"
    BEFORE = "before"
    IN_THE_WINDOW = "in the window"


@dataclass(frozen=True)
class World:
    """What becomes of the first purchase and of the first payment; `landing` and `snapshot` are in seconds."""

    purchase: Delivery = Delivery.ANSWERED
    payment: Delivery = Delivery.ANSWERED
    landing: float = 0.0
    snapshot: float = 0.0
    stranger: Stranger = Stranger.NONE
    view: View = View.WHOLE
    reply: Reply = Reply.OURS
    clocks: Clocks = Clocks.TRUE
    sibling: Sibling = Sibling.NONE

    def __str__(self) -> str:
        return (
            f"purchase {self.purchase.value}, payment {self.payment.value}, lands after {self.landing:g} s, "
            f"shows after {self.snapshot:g} s, stranger {self.stranger.value}, seen {self.view.value}, "
            f"answered with {self.reply.value}, clocks {self.clocks.value}, sibling {self.sibling.value}"
        )


_NOBODY_ELSES = ListGap("GET list", "what other users have is not seen", NO_NAMES, only_others=True)


class _NoSecrets:
    def reveal(self, reference):
        return Secret("")

    def fingerprint(self, reference):
        return None


@dataclass
class ProtocolSimulation:
    """`believable` is how long, in seconds of the cloud's time, silence must at least have lasted to be believed."""

    world: World
    policy: PurchasePolicy
    prepaid: bool = False
    resolve_timeout: float = 0.0
    believable: float = 0.0
    clock: ManualClock = field(default_factory=ManualClock)
    entries: list[Entry] = field(default_factory=list)
    base: State = field(default_factory=a_state)
    faults: set[str] = field(default_factory=set)
    refused: bool = False
    told: list[Diagnostic] = field(default_factory=list)
    """By the last plan."""
    runs: int = 0

    def __post_init__(self) -> None:
        world = self.world
        self._replayed = IncrementalReplay()
        self._began, self._is_seen_whole = False, False
        self.cloud = LateCloud(self.clock, listed_after=world.snapshot, landing=world.landing)
        self.cloud.arrivals.append(self._on_arrival)
        self.cloud.answered = self._hear_the_time
        self.cloud.will(Effect.PURCHASE, world.purchase)
        self.cloud.will(Effect.PAYMENT, world.payment)
        if world.stranger is Stranger.BEFORE:
            self.cloud.add_server(NAME, strange=True).created_at = -60 * MINUTE
        self._name_in_the_answer(world.reply)
        fields = {"name": NAME, "flavor": "Si2.large.4", "image_id": "image-1"} | (
            {"charging_info": _PREPAID} if self.prepaid else {}
        )
        self.wanted = a_desired(fields=fields, timeouts=Timeouts(create=_TIMEOUT, delete=_TIMEOUT))

    def _name_in_the_answer(self, reply: Reply) -> None:
        if reply is Reply.OURS:
            return
        named = {"id": "unheard-of"}
        order = "CS1"
        if reply is not Reply.UNHEARD_OF:
            theirs = self.cloud.add_server("theirs", strange=True, prepaid=True, order_id="CS0")
            theirs.created_at = -60 * MINUTE
            named, order = ({"id": theirs.id}, "CS1") if reply is Reply.LISTED else ({}, "CS0")
        self.cloud.answers(Effect.PURCHASE, {"order_id": order, **named} if self.prepaid else named)

    @property
    def state(self) -> State:
        return self._replayed.state(self.base, self.entries)

    def tell(self, *deaths: int | None) -> bool:
        """The first runs die at these of their steps, if they come so far; more follow. Whether all deaths came about."""
        died = [self._run(death) for death in deaths if not self._is_settled()]
        for moment in self._moments():
            self.clock.time = max(self.clock.time, moment)
            if self._run(None) or self._is_settled():
                break
        self._see_all_of_it()
        self._judge()
        return len(died) == len(deaths) and all(
            gone or wanted is None for gone, wanted in zip(died, deaths, strict=True)
        )

    def _see_all_of_it(self) -> None:
        if self.world.view is View.WHOLE:
            return
        self._is_seen_whole, self.runs = True, 0
        for _ in range(4):
            self.runs = 0
            self._run(None)
            self.clock.time += 2 * _PAUSE

    @property
    def _reader(self) -> str:
        return "bob" if self.world.view is View.COLLEAGUES and self.runs else "ana"

    def _run(self, die_at: int | None) -> bool:
        """Whether it died."""
        self.cloud.spelt = self._spelt
        self.times = ObservedTime(self.world.clocks, self.clock, is_first=not self._began)
        self._began = True
        self.crash_plan = self.cloud.crash_plan = CrashPlan(die_at, self._examine)
        ledger = MemoryLedger(self.entries, self.crash_plan)
        try:
            run(self._apply(ledger))
        except Crash:
            self.clock.time += MINUTE
            return True
        finally:
            self.runs += 1
        return False

    def _hear_the_time(self) -> None:
        self.times.hear()

    def _spelt(self, row: dict[str, Any]) -> dict[str, Any]:
        view = self.world.view if self.runs and not self._is_seen_whole else View.WHOLE
        return spelling(view, len(self.cloud.log))(row)

    @property
    def _elsewhere(self) -> OtherStates | None:
        if self.world.sibling is Sibling.NONE:
            return None
        stranger = next((one.id for one in self.cloud.servers.values() if one.strange), None)
        return elsewhere(self.world.sibling, is_unread=self.clock.time < _UNREAD, stranger=stranger)

    async def _apply(self, ledger: MemoryLedger) -> None:
        live = await self._look()
        traces = await self._traces(live)
        if self.policy.prepaid is Prepaid.TWO_STEP and self._take_orders(ledger, traces):
            traces = await self._traces(live)
        gaps = (_NOBODY_ELSES,) if self._reader == "bob" else ()
        snapshot = CloudSnapshot(live, self.times.earliest, traces, gaps, self._reader, self.times.here)
        state = recover(
            self.state,
            snapshot,
            catalogue=CATALOGUE,
            policy=self.policy,
            ledger=ledger,
            listen=lambda _: None,
            other_states=self._elsewhere or no_other_states,
        )
        plan = self._plan(state, live)
        self.told = [*plan.findings, *plan.refusals]
        self.refused = bool(plan.refusals)
        if plan.refusals or self.times.latest is None:  # where nobody knows the time, nothing is sent
            return
        if plan.work:  # no step of its own: who dies there has sent nothing
            self.entries.append(Listed(tuple(sorted(live))))
        self._hear(await execute(self._context(plan, live, ledger)))

    async def _look(self) -> dict[str, Live]:
        async with self.cloud.channel() as channel:
            ids = {one.id for one in self.state.resources.values() if one.id}
            live = await read_live(CATALOGUE["dev_server"], channel, ids)
        return live if self._reader == "ana" else {key: row for key, row in live.items() if key in ids}

    async def _traces(self, live: dict[str, Live]) -> dict[str, Any]:
        """As the workflow reads them: without the orders that are accounted for."""
        known = {one.order_id for one in (*self.state.resources.values(), *live.values())}
        async with self.cloud.channel() as channel:
            found = await read_traces(CATALOGUE["dev_server"], channel, self.state.purchases_in_doubt)
        return {
            key: None if traces is None else tuple(trace for trace in traces if trace.order_id not in known)
            for key, traces in found.items()
        }

    def _take_orders(self, ledger: MemoryLedger, traces: dict[str, Any]) -> bool:
        """As a person does who is told of an order that may be a purchase in doubt: `resolve --adopt ORDER`."""
        told = [Adopted(intent, None, "decided by ana", found[0].order_id) for intent, found in traces.items() if found]
        if told:
            ledger.append(told)
        return bool(told)

    def _plan(self, state: State, live: dict[str, Live]) -> Plan:
        basis = Basis("demo", "dev", state.identity, state.lineage, state.serial, state.head)
        others = self._elsewhere
        claims = others(find_untracked(live.values(), state.resources.values())) if others else {}
        survey = PlanInput((self.wanted,), state, live, policy=self.policy, claims=claims)
        return planning.plan(
            survey, mode=Mode.APPLY, basis=basis, catalogue=CATALOGUE, fingerprint=_NoSecrets().fingerprint
        )

    def _context(self, plan: Plan, live: dict[str, Live], ledger: MemoryLedger) -> RunContext:
        return RunContext(
            plan=plan,
            live=live,
            catalogue=CATALOGUE,
            cloud=self.cloud,
            ledger=ledger,
            secrets=_NoSecrets(),
            clock=self.clock,
            interruption=Interruption(),
            listen=lambda _: None,
            who="ana@laptop",
            sender=self._reader,
            lineage=self.base.lineage,
            server_time=lambda: self.times.latest or 0,
            policy=self.policy,
            doubts=self.state.doubts,
            other_states=self._elsewhere or no_other_states,
            resolve_timeout=self.resolve_timeout,
        )

    def _hear(self, result: RunResult) -> None:
        for one in result.of_type(ResultType.IN_DOUBT):
            if one.diagnostic is not None and "choose" in one.diagnostic.hint:
                self.faults.add("asked")

    def _moments(self) -> Iterator[float]:
        """Every five minutes, and just before and when silence may be believed."""
        while self.clock.time < _END:
            grid = (self.clock.time // _PAUSE + 1) * _PAUSE
            noon = ManualClock().now()
            ends = [(quiet_until(one, self.policy) - noon) / 1000 for one in self.state.purchases_in_doubt]
            edges = [edge for end in ends for edge in (end - 1, end) if edge > self.clock.time]
            yield min([grid, *edges])

    def _is_settled(self) -> bool:
        """Nothing is open, under way or yet to land."""
        state = self.state
        if state.intents or not self.cloud.is_quiet or self.refused:
            return False
        phases = [one.phase.value for one in state.resources.values()]
        return phases == ["ready"] and all(one.name == NAME for one in self.cloud.ours)

    def _on_arrival(self, what: str) -> None:
        """A purchase is on the wire: its intent must be on disk."""
        if not what.startswith("buy "):
            return
        if self.world.stranger is Stranger.IN_THE_WINDOW and not any(
            one.strange for one in self.cloud.servers.values()
        ):
            self.cloud.add_server(NAME, strange=True)
        if what.removeprefix("buy ") not in {one.name for one in self.state.purchases_in_doubt}:
            self.faults.add("sent without an intent")

    def _examine(self) -> None:
        """What must hold at every instant."""
        self.cloud.land()
        state = self.state
        if self._replayed.problems(self.base, self.entries):
            self.faults.add("invalid state")
        ids = {one.id for one in state.resources.values()}
        orders = {one.order_id for one in state.resources.values()} - {None}
        sought = {intent.name for intent in (*state.intents.values(), *state.absent.values())}
        for server in self.cloud.ours:
            if server.id not in ids and server.order_id not in orders and server.name not in sought:
                self.faults.add("lost sight of")
        self._examine_beliefs()

    def _examine_beliefs(self) -> None:
        intents = {entry.intent.id: entry.intent for entry in self.entries if isinstance(entry, Intended)}
        last = self.entries[-1] if self.entries else None
        if not isinstance(last, Settled) or last.outcome != "absent":
            return
        intent = intents[last.intent]
        least = least_silence(intent, bound=self.believable)
        if least is None or self.clock.now() - intent.sent_at < least * 1000:
            self.faults.add("believed too early")

    def _judge(self) -> None:
        self.cloud.land()
        two_step = self.prepaid and self.policy.prepaid is Prepaid.TWO_STEP
        bought = self.cloud.paid if two_step else self.cloud.bought
        recorded = {one.id for one in self.state.resources.values()}
        strange = {one.id for one in self.cloud.servers.values() if one.strange}
        found = {
            "bought twice": len(bought) > 1,
            "never bought": not bought and not self.refused,
            "untracked": any(one.id not in recorded for one in self.cloud.ours),
            "stranger's taken": bool(recorded & strange) or self._strangers_touched(strange),
            "asked": bool(self.state.purchases_in_doubt),
            "not settled": not self.refused and not self._is_settled(),
            "orders pile up": two_step and len(self.cloud.bought) > len(self.cloud.paid),
            "work left": self._is_settled() and bool(self._plan(self.state, run(self._look())).work),
        }
        self.faults |= {fault for fault, is_so in found.items() if is_so}

    def _strangers_touched(self, strange: set[str]) -> bool:
        calls: list[Call] = [sent.call for sent in self.cloud.log if sent.call.effect is not Effect.READ]
        return any(identifier in call.path for call in calls for identifier in strange)
