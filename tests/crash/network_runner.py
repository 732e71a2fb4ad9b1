"""Plays a scenario with a trouble of the network at each of its calls, or with several; and says where the promise was broken.

The first run meets the trouble; then a person gives the same command again, in peace, and what follows is judged as after a
death (enumeration). A run that lived has said something, too: its exit code has to be true.
"""

from __future__ import annotations

import random
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace

from crash.crash_environment import CrashEnvironment
from crash.crash_runner import CrashRunner
from crash.ledger_checks import agree, books_of, compare, examine, never_arrived, require
from crash.network_faults import EVERY, NetworkFault, troubles_of
from crash.scenarios import Scenario
from support.crash_fork_server import FaultPlan, ProcessResult

_KILLED = -9


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """A trouble at the call of that number, counted from 0."""

    trouble: NetworkFault
    number: int

    def told(self, calls: Sequence[str]) -> str:
        return f"{self.trouble.name} at call {self.number + 1} ({calls[self.number]})"


def blows(theatre: CrashRunner) -> Iterator[InjectedFault]:
    """Each trouble at each call where it means something; of equal calls that eight workers send at once, at the first and at the
    last.
    """
    calls, many = theatre.calls, len(theatre.scenario.ends.bought) > 1
    for number, operation in enumerate(calls):
        if not (many and [operation] * 3 == calls[max(0, number - 1) : number + 2]):
            yield from (InjectedFault(trouble, number) for trouble in troubles_of(operation, pages=many))


def suffer_each(theatre: CrashRunner, *, operations: Container[str] = EVERY) -> None:
    """At those calls only."""
    played = [blow for blow in blows(theatre) if theatre.calls[blow.number] in operations]
    theatre.counters.points = len(theatre.calls)
    theatre.counters.kinds = len({blow.trouble.name for blow in played})
    for blow in played:
        with theatre.recorded(blow.told(theatre.calls)), theatre.stage() as stage:
            ended = _suffer(theatre, stage, (blow,))
            _go_on(theatre, stage, ended, met=(blow,))


def suffer_pairs(theatre: CrashRunner, times: int, *, seed: str) -> None:
    """Two of them, in one run or in two: the second may be left for the command that is given again."""
    chance = random.Random(seed)  # noqa: S311 - to be drawn again the same
    every = list(blows(theatre))
    theatre.counters.points = times
    for _ in range(times):
        pair = (chance.choice(every), chance.choice(every))
        where = " and ".join(blow.told(theatre.calls) for blow in pair)
        with theatre.recorded(where), theatre.stage() as stage:
            ended = _suffer(theatre, stage, pair)
            if ended.code != 0:
                ended = _meet(theatre, stage, theatre.command_again(stage), _fate(pair), pair)
            _go_on(theatre, stage, ended, met=pair)


def suffer_and_die(theatre: CrashRunner, times: int, steps: Sequence[str], *, seed: str) -> None:
    """One of them, and in the same run a death at any step."""
    chance = random.Random(seed)  # noqa: S311 - to be drawn again the same
    every = list(blows(theatre))
    theatre.counters.points = times
    for _ in range(times):
        blow, step = chance.choice(every), chance.randint(1, len(steps))
        where = f"{blow.told(theatre.calls)} and death at step {step}"
        with theatre.recorded(where), theatre.stage() as stage:
            ended = _suffer(theatre, stage, (blow,), events={step: "KILL"})
            _go_on(theatre, stage, ended, met=(blow,), deaths=1)


def _suffer(
    theatre: CrashRunner, stage: CrashEnvironment, met: Sequence[InjectedFault], events: dict[int, str] | None = None
) -> ProcessResult:
    stage.expect_stranger(theatre.scenario.stranger)
    stage.arm(*(rule for blow in met for rule in blow.trouble.rules(theatre.calls, blow.number)))
    return _meet(theatre, stage, theatre.scenario.command, replace(_fate(met), events=events or {}), met)


def _fate(met: Sequence[InjectedFault]) -> FaultPlan:
    """Of a run that meets all of these."""
    fault_plans = [blow.trouble.fault_plan for blow in met]
    return FaultPlan(
        patience=next((fault_plan.patience for fault_plan in fault_plans if fault_plan.patience is not None), None),
        page=next((fault_plan.page for fault_plan in fault_plans if fault_plan.page is not None), None),
    )


def _meet(
    theatre: CrashRunner,
    stage: CrashEnvironment,
    command: tuple[str, ...],
    fault_plan: FaultPlan,
    met: Sequence[InjectedFault],
) -> ProcessResult:
    stage.changes_asked_for()
    ended = theatre.run(stage, command, fault_plan)
    examine(stage, theatre.scenario)
    if ended.code != _KILLED:
        _is_true(stage, theatre.scenario, ended, belated=_is_belated(met))
    return ended


def _is_belated(met: Sequence[InjectedFault]) -> bool:
    return any(blow.trouble.is_belated for blow in met)


def _is_true(stage: CrashEnvironment, scenario: Scenario, ended: ProcessResult, *, belated: bool) -> None:
    """What a run says by its exit code, and that it says no more than a person can read."""
    require("Traceback" not in ended.text, ended.text)
    state = stage.state
    match ended.code:
        case 0:
            if scenario.follow is None:
                agree(stage, scenario)
            if never_arrived(stage, scenario):
                require("Warning[unconfirmed]: alpha" in ended.text, f"a lost reinstallation is not told: {ended.text}")
            else:
                compare(books_of(stage, scenario), scenario, belated=belated)
        case 1:
            asked = stage.changes_asked_for()
            require(not asked, f"exit 1 says that nothing was sent, and the cloud was asked for {asked}: {ended.text}")
        case 6:
            doubts = state.purchases_in_doubt if state else ()
            require(doubts, f"exit 6, and nothing is in doubt: {ended.text}")
            require(all(str(one.address) in ended.text for one in doubts), f"a doubt is not shown: {ended.text}")
        case 7:
            require(state, f"exit 7 says that all is recorded, and nothing is: {ended.text}")
        case 4:
            asked = stage.changes_asked_for()
            require(not asked, f"exit 4 says that nothing was sent, and the cloud was asked for {asked}: {ended.text}")
            allowed = scenario.stranger is not None or "Error[list-incomplete]" in ended.text
            require(allowed, f"exit 4: {ended.text}")
        case code:
            require(holds=False, what=f"exit {code}: {ended.text}")


def _go_on(
    theatre: CrashRunner,
    stage: CrashEnvironment,
    ended: ProcessResult,
    *,
    met: Sequence[InjectedFault],
    deaths: int = 0,
) -> None:
    """In peace."""
    stage.arm()
    blows, belated = len(met) + deaths, _is_belated(met)
    if theatre.is_new(stage, after=f"{blows}, exit {ended.code == 0}, {belated}"):
        ended = ended if ended.code == 0 else theatre.go_on(stage)
        theatre.make_good(stage, ended, belated=belated)
