"""Runs a scenario with a network fault at each of its calls, or with two faults at a time, and records every violation.

The first run meets the fault. The next one is undisturbed, and what follows is checked as after a kill (crash_runner.py). The
first run was not killed, so its exit code has to be true as well.
"""

from __future__ import annotations

import random
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace

from crash.crash_environment import CrashEnvironment
from crash.crash_runner import CrashRunner, reported_doubts
from crash.ledger_checks import (
    check_invariants,
    check_state_matches_cloud,
    check_totals,
    is_reinstallation_missing,
    ledger_totals,
    require,
)
from crash.network_faults import EVERY, NetworkFault, faults_of
from crash.scenarios import Scenario
from support.crash_fork_server import FaultPlan, ProcessResult

_KILLED = -9


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """A network fault at the call of this number, counted from 0."""

    fault: NetworkFault
    number: int

    def describe(self, calls: Sequence[str]) -> str:
        return f"{self.fault.name} at call {self.number + 1} ({calls[self.number]})"


def injections(runner: CrashRunner) -> Iterator[InjectedFault]:
    """Yields every fault at every call where it makes sense. Of equal calls that eight workers send at once, only the first and
    the last are used.
    """
    calls, many = runner.calls, len(runner.scenario.expected.bought) > 1
    for number, operation in enumerate(calls):
        if not (many and [operation] * 3 == calls[max(0, number - 1) : number + 2]):
            yield from (InjectedFault(fault, number) for fault in faults_of(operation, pages=many))


def inject_each(runner: CrashRunner, *, operations: Container[str] = EVERY) -> None:
    """Runs the scenario once for each fault at a call of one of these operations."""
    selected = [injected for injected in injections(runner) if runner.calls[injected.number] in operations]
    runner.counters.points = len(runner.calls)
    runner.counters.kinds = len({injected.fault.name for injected in selected})
    for injected in selected:
        with runner.record_violations(injected.describe(runner.calls)), runner.new_environment() as environment:
            result = _run_injected(runner, environment, (injected,))
            _run_again_and_settle(runner, environment, result, faults=(injected,))


def inject_pairs(runner: CrashRunner, times: int, *, seed: str) -> None:
    """Runs the scenario `times` times with two random faults. The second may hit only the next run of the command."""
    chance = random.Random(seed)  # noqa: S311 - to be drawn again the same
    every = list(injections(runner))
    runner.counters.points = times
    for _ in range(times):
        pair = (chance.choice(every), chance.choice(every))
        where = " and ".join(injected.describe(runner.calls) for injected in pair)
        with runner.record_violations(where), runner.new_environment() as environment:
            result = _run_injected(runner, environment, pair)
            if result.code != 0:
                result = _run_and_check(
                    runner, environment, runner.next_command(environment), _combined_plan(pair), pair
                )
            _run_again_and_settle(runner, environment, result, faults=pair)


def inject_and_kill(runner: CrashRunner, times: int, steps: Sequence[str], *, seed: str) -> None:
    """Runs the scenario `times` times with a random fault and a kill at a random step of the same run."""
    chance = random.Random(seed)  # noqa: S311 - to be drawn again the same
    every = list(injections(runner))
    runner.counters.points = times
    for _ in range(times):
        injected, step = chance.choice(every), chance.randint(1, len(steps))
        where = f"{injected.describe(runner.calls)} and death at step {step}"
        with runner.record_violations(where), runner.new_environment() as environment:
            result = _run_injected(runner, environment, (injected,), events={step: "KILL"})
            _run_again_and_settle(runner, environment, result, faults=(injected,), deaths=1)


def _run_injected(
    runner: CrashRunner,
    environment: CrashEnvironment,
    faults: Sequence[InjectedFault],
    events: dict[int, str] | None = None,
) -> ProcessResult:
    environment.expect_stranger(runner.scenario.stranger)
    environment.arm(*(rule for injected in faults for rule in injected.fault.rules(runner.calls, injected.number)))
    return _run_and_check(
        runner, environment, runner.scenario.command, replace(_combined_plan(faults), events=events or {}), faults
    )


def _combined_plan(faults: Sequence[InjectedFault]) -> FaultPlan:
    """Returns the process-level settings that these faults need together."""
    fault_plans = [injected.fault.fault_plan for injected in faults]
    return FaultPlan(
        silence_timeout=next(
            (fault_plan.silence_timeout for fault_plan in fault_plans if fault_plan.silence_timeout is not None), None
        ),
        page_size=next((fault_plan.page_size for fault_plan in fault_plans if fault_plan.page_size is not None), None),
    )


def _run_and_check(
    runner: CrashRunner,
    environment: CrashEnvironment,
    command: tuple[str, ...],
    fault_plan: FaultPlan,
    faults: Sequence[InjectedFault],
) -> ProcessResult:
    environment.take_change_requests()
    result = runner.run(environment, command, fault_plan)
    check_invariants(environment, runner.scenario)
    if result.code != _KILLED:
        _check_exit_code(environment, runner.scenario, result, executed_late=_any_executes_late(faults))
    return result


def _any_executes_late(faults: Sequence[InjectedFault]) -> bool:
    return any(injected.fault.executes_late for injected in faults)


def _check_exit_code(
    environment: CrashEnvironment, scenario: Scenario, result: ProcessResult, *, executed_late: bool
) -> None:
    """Checks that the exit code is true, and that the output has no traceback."""
    require("Traceback" not in result.text, result.text)
    state = environment.state
    match result.code:
        case 0:
            if scenario.follow_up is None:
                check_state_matches_cloud(environment, scenario)
            if is_reinstallation_missing(environment, scenario):
                require(
                    "Warning[unconfirmed]: alpha" in result.text,
                    f"a lost reinstallation is not reported: {result.text}",
                )
            else:
                check_totals(ledger_totals(environment, scenario), scenario, executed_late=executed_late)
        case 1:
            asked = environment.take_change_requests()
            require(not asked, f"exit 1 says that nothing was sent, and the cloud was asked for {asked}: {result.text}")
        case 6:
            reported_doubts(environment, result)
        case 7:
            require(state, f"exit 7 says that all is recorded, and nothing is: {result.text}")
        case 4:
            asked = environment.take_change_requests()
            require(not asked, f"exit 4 says that nothing was sent, and the cloud was asked for {asked}: {result.text}")
            allowed = scenario.stranger is not None or "Error[list-incomplete]" in result.text
            require(allowed, f"exit 4: {result.text}")
        case code:
            require(holds=False, what=f"exit {code}: {result.text}")


def _run_again_and_settle(
    runner: CrashRunner,
    environment: CrashEnvironment,
    result: ProcessResult,
    *,
    faults: Sequence[InjectedFault],
    deaths: int = 0,
) -> None:
    """Runs the next command undisturbed if the last one failed, and checks the scenario to its end."""
    environment.arm()
    count, executed_late = len(faults) + deaths, _any_executes_late(faults)
    if runner.is_new(environment, after=f"{count}, exit {result.code == 0}, {executed_late}"):
        result = result if result.code == 0 else runner.run_again(environment)
        runner.settle(environment, result, executed_late=executed_late)
