"""Simulates the product's recovery, planner and executor for one wanted server in one world, run after run until nothing is open.

A world is one combination of what may go wrong. The invariants are checked at every step on disk or network, and the end is
compared with the scripted cloud's ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from support.anomalies import Clocks, ObservedTime, Reply, Sibling, View, other_states, respelling
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
_UNREADABLE_SECONDS = 120 * MINUTE
"""How many seconds an unreadable sibling state stays so."""
_PAUSE = 5 * MINUTE
_TIMEOUT = 4.0
"""How many seconds a run waits for a build. The next run goes on with one that takes longer."""
_PREPAID = {"charging_mode": "PRE_PAID", "period_type": "MONTH", "period_num": 1, "is_auto_pay": True}


class Stranger(Enum):
    NONE = "none"
    BEFORE = "before"
    IN_THE_WINDOW = "in the window"


@dataclass(frozen=True)
class World:
    """What happens to the first purchase and the first payment, and what else differs. Both delays are in seconds."""

    purchase: Delivery = Delivery.ANSWERED
    payment: Delivery = Delivery.ANSWERED
    execution_delay: float = 0.0
    listing_delay: float = 0.0
    stranger: Stranger = Stranger.NONE
    view: View = View.WHOLE
    reply: Reply = Reply.OURS
    clocks: Clocks = Clocks.TRUE
    sibling: Sibling = Sibling.NONE

    def __str__(self) -> str:
        return (
            f"purchase {self.purchase.value}, payment {self.payment.value}, lands after {self.execution_delay:g} s, "
            f"shows after {self.listing_delay:g} s, stranger {self.stranger.value}, seen {self.view.value}, "
            f"answered with {self.reply.value}, clocks {self.clocks.value}, sibling {self.sibling.value}"
        )


_OTHERS_HIDDEN = ListGap("GET list", "other users' servers are not visible", NO_NAMES, only_others=True)


class _NoSecrets:
    def reveal(self, reference):
        return Secret("")

    def fingerprint(self, reference):
        return None


@dataclass
class ProtocolSimulation:
    """`least_silence_bound`: after how many seconds a purchase that is not listed may be confirmed absent at the earliest.

    `faults` are the names of the violations that were found.
    """

    world: World
    policy: PurchasePolicy
    prepaid: bool = False
    resolve_timeout: float = 0.0
    least_silence_bound: float = 0.0
    clock: ManualClock = field(default_factory=ManualClock)
    entries: list[Entry] = field(default_factory=list)
    base: State = field(default_factory=a_state)
    faults: set[str] = field(default_factory=set)
    refused: bool = False
    diagnostics: list[Diagnostic] = field(default_factory=list)
    """Findings and refusals of the last plan."""
    runs: int = 0

    def __post_init__(self) -> None:
        world = self.world
        self._replayed = IncrementalReplay()
        self._began, self._sees_whole = False, False
        self.cloud = LateCloud(self.clock, listed_after=world.listing_delay, execution_delay=world.execution_delay)
        self.cloud.arrivals.append(self._on_arrival)
        self.cloud.answered = self._observe_time
        self.cloud.schedule(Effect.PURCHASE, world.purchase)
        self.cloud.schedule(Effect.PAYMENT, world.payment)
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

    def simulate(self, *deaths: int | None) -> bool:
        """Crashes the first runs at these steps, counted from 0 (None: no crash), and goes on until nothing is open.

        Returns whether every run reached the step at which it was to crash.
        """
        died = [self._run(death) for death in deaths if not self._is_settled()]
        for moment in self._run_times():
            self.clock.time = max(self.clock.time, moment)
            if self._run(None) or self._is_settled():
                break
        self._run_with_whole_view()
        self._check_end()
        return len(died) == len(deaths) and all(
            gone or wanted is None for gone, wanted in zip(died, deaths, strict=True)
        )

    def _run_with_whole_view(self) -> None:
        if self.world.view is View.WHOLE:
            return
        self._sees_whole, self.runs = True, 0
        for _ in range(4):
            self.runs = 0
            self._run(None)
            self.clock.time += 2 * _PAUSE

    @property
    def _reader(self) -> str:
        return "bob" if self.world.view is View.COLLEAGUES and self.runs else "ana"

    def _run(self, die_at: int | None) -> bool:
        """Returns whether the run crashed."""
        self.cloud.spelt = self._respell
        self.times = ObservedTime(self.world.clocks, self.clock, is_first=not self._began)
        self._began = True
        self.crash_plan = self.cloud.crash_plan = CrashPlan(die_at, self._check_step)
        ledger = MemoryLedger(self.entries, self.crash_plan)
        try:
            run(self._apply(ledger))
        except Crash:
            self.clock.time += MINUTE
            return True
        finally:
            self.runs += 1
        return False

    def _observe_time(self) -> None:
        self.times.observe_answer()

    def _respell(self, row: dict[str, Any]) -> dict[str, Any]:
        view = self.world.view if self.runs and not self._sees_whole else View.WHOLE
        return respelling(view, len(self.cloud.log))(row)

    @property
    def _other_states(self) -> OtherStates | None:
        if self.world.sibling is Sibling.NONE:
            return None
        stranger = next((one.id for one in self.cloud.servers.values() if one.strange), None)
        return other_states(self.world.sibling, is_unread=self.clock.time < _UNREADABLE_SECONDS, stranger=stranger)

    async def _apply(self, ledger: MemoryLedger) -> None:
        live = await self._read_live()
        traces = await self._traces(live)
        if self.policy.prepaid is Prepaid.TWO_STEP and self._adopt_orders(ledger, traces):
            traces = await self._traces(live)
        gaps = (_OTHERS_HIDDEN,) if self._reader == "bob" else ()
        snapshot = CloudSnapshot(live, self.times.earliest, traces, gaps, self._reader, self.times.here)
        state = recover(
            self.state,
            snapshot,
            catalogue=CATALOGUE,
            policy=self.policy,
            ledger=ledger,
            listen=lambda _: None,
            other_states=self._other_states or no_other_states,
        )
        plan = self._plan(state, live)
        self.diagnostics = [*plan.findings, *plan.refusals]
        self.refused = bool(plan.refusals)
        if plan.refusals or self.times.latest is None:  # where nobody knows the time, nothing is sent
            return
        if plan.work:  # not a step: a run that crashes here has sent nothing
            self.entries.append(Listed(tuple(sorted(live))))
        self._record_questions(await execute(self._context(plan, live, ledger)))

    async def _read_live(self) -> dict[str, Live]:
        async with self.cloud.channel() as channel:
            ids = {one.id for one in self.state.resources.values() if one.id}
            live = await read_live(CATALOGUE["dev_server"], channel, ids)
        return live if self._reader == "ana" else {key: row for key, row in live.items() if key in ids}

    async def _traces(self, live: dict[str, Live]) -> dict[str, Any]:
        """Reads traces as the workflow does: without the orders that are recorded or named by a listed server."""
        known = {one.order_id for one in (*self.state.resources.values(), *live.values())}
        async with self.cloud.channel() as channel:
            found = await read_traces(CATALOGUE["dev_server"], channel, self.state.purchases_in_doubt)
        return {
            key: None if traces is None else tuple(trace for trace in traces if trace.order_id not in known)
            for key, traces in found.items()
        }

    def _adopt_orders(self, ledger: MemoryLedger, traces: dict[str, Any]) -> bool:
        """Adopts an order that may be a purchase in doubt, as the operator does with `resolve --adopt ORDER`. Returns whether it did."""
        adopted = [
            Adopted(intent, None, "decided by ana", found[0].order_id) for intent, found in traces.items() if found
        ]
        if adopted:
            ledger.append(adopted)
        return bool(adopted)

    def _plan(self, state: State, live: dict[str, Live]) -> Plan:
        basis = Basis("demo", "dev", state.identity, state.lineage, state.serial, state.head)
        others = self._other_states
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
            other_states=self._other_states or no_other_states,
            resolve_timeout=self.resolve_timeout,
        )

    def _record_questions(self, result: RunResult) -> None:
        for one in result.of_type(ResultType.IN_DOUBT):
            if one.diagnostic is not None and "choose" in one.diagnostic.hint:
                self.faults.add("asked")

    def _run_times(self) -> Iterator[float]:
        """Yields when the next run starts: every five minutes, and right before and at the end of each quiet period."""
        while self.clock.time < _END:
            grid = (self.clock.time // _PAUSE + 1) * _PAUSE
            noon = ManualClock().now()
            ends = [(quiet_until(one, self.policy) - noon) / 1000 for one in self.state.purchases_in_doubt]
            edges = [edge for end in ends for edge in (end - 1, end) if edge > self.clock.time]
            yield min([grid, *edges])

    def _is_settled(self) -> bool:
        """Returns whether nothing is open, under way or still to be carried out."""
        state = self.state
        if state.intents or not self.cloud.is_idle or self.refused:
            return False
        phases = [one.phase.value for one in state.resources.values()]
        return phases == ["ready"] and all(one.name == NAME for one in self.cloud.ours)

    def _on_arrival(self, what: str) -> None:
        """Checks that the intent of a purchase is on disk when it is sent; lets the stranger buy, where there is one."""
        if not what.startswith("buy "):
            return
        if self.world.stranger is Stranger.IN_THE_WINDOW and not any(
            one.strange for one in self.cloud.servers.values()
        ):
            self.cloud.add_server(NAME, strange=True)
        if what.removeprefix("buy ") not in {one.name for one in self.state.purchases_in_doubt}:
            self.faults.add("sent without an intent")

    def _check_step(self) -> None:
        """Checks what must hold at every step."""
        self.cloud.execute_due()
        state = self.state
        if self._replayed.problems(self.base, self.entries):
            self.faults.add("invalid state")
        ids = {one.id for one in state.resources.values()}
        orders = {one.order_id for one in state.resources.values()} - {None}
        sought = {intent.name for intent in (*state.intents.values(), *state.absent.values())}
        for server in self.cloud.ours:
            if server.id not in ids and server.order_id not in orders and server.name not in sought:
                self.faults.add("lost sight of")
        self._check_absences()

    def _check_absences(self) -> None:
        intents = {entry.intent.id: entry.intent for entry in self.entries if isinstance(entry, Intended)}
        last = self.entries[-1] if self.entries else None
        if not isinstance(last, Settled) or last.outcome != "absent":
            return
        intent = intents[last.intent]
        least = least_silence(intent, bound=self.least_silence_bound)
        if least is None or self.clock.now() - intent.sent_at < least * 1000:
            self.faults.add("believed too early")

    def _check_end(self) -> None:
        self.cloud.execute_due()
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
            "work left": self._is_settled() and bool(self._plan(self.state, run(self._read_live())).work),
        }
        self.faults |= {fault for fault, is_so in found.items() if is_so}

    def _strangers_touched(self, strange: set[str]) -> bool:
        calls: list[Call] = [sent.call for sent in self.cloud.log if sent.call.effect is not Effect.READ]
        return any(identifier in call.path for call in calls for identifier in strange)
