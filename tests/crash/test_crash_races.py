"""Many applies of one state at the same time, some of them killed: one works at a time, and every address is bought once."""

from __future__ import annotations

import random
import signal

import pytest
from crash.ledger_checks import check_invariants, require
from support.crash_fork_server import FaultPlan

_DEATHS_BEFORE_STEP = 110
"""The highest step for a kill. A run of the smallest scenario has a few steps less, and one that waited for another has few."""


def _race(runner, appliers: int, *, lock_timeout: str, deaths: int, seed: int) -> None:
    """Runs the appliers at the same time. `deaths` of them are killed at a step drawn from `seed`, if they reach it."""
    chance = random.Random(seed)  # noqa: S311 - to be drawn again the same
    fault_plans = [FaultPlan({chance.randint(1, _DEATHS_BEFORE_STEP): "KILL"}) for _ in range(deaths)]
    fault_plans += [FaultPlan()] * (appliers - deaths)
    command = (*runner.scenario.command, f"--lock-timeout={lock_timeout}")
    with runner.record_violations(f"{appliers} appliers, seed {seed}"), runner.new_environment() as environment:
        processes = [environment.start(*command, fault_plan=fault_plan) for fault_plan in fault_plans]
        results = [process.end() for process in processes]
        environment.shared_servers.cloud.settle()
        runner.counters.runs += appliers
        killed = sum(one.code == -signal.SIGKILL for one in results)
        runner.counters.deaths += killed
        allowed = {0, -signal.SIGKILL, *((6,) if killed else ()), *(() if lock_timeout != "0" else (5,))}
        for result in results:
            require(result.code in allowed, f"exit {result.code}: {result.text}")
        require(deaths or any(one.code == 0 for one in results), "nobody worked")
        check_invariants(environment, runner.scenario)
        runner.settle(environment, runner.run_again(environment))


def _races(new_runner, appliers, rounds, *, lock_timeout, deaths):
    title = f"{appliers} appliers, {'waiting' if lock_timeout != '0' else 'not waiting'}, {deaths} deaths"
    runner = new_runner("pay-per-use, 8" if appliers <= 8 else "pay-per-use", title, part="races")
    runner.counters.points = rounds
    for seed in range(rounds):
        _race(runner, appliers, lock_timeout=lock_timeout, deaths=deaths, seed=seed)
    assert not runner.counters.violations


@pytest.mark.parametrize(("appliers", "lock_timeout", "deaths"), [(2, "60s", 1), (8, "0", 0), (8, "60s", 4)])
def test_a_few(new_runner, appliers, lock_timeout, deaths):
    _races(new_runner, appliers, 1, lock_timeout=lock_timeout, deaths=deaths)


@pytest.mark.crash_whole
@pytest.mark.parametrize("lock_timeout", ["0", "60s"])
@pytest.mark.parametrize(
    ("appliers", "rounds", "deaths"), [(2, 60, 0), (2, 60, 1), (8, 20, 0), (8, 20, 4), (32, 5, 0), (32, 5, 16)]
)
def test_many(new_runner, appliers, rounds, deaths, lock_timeout):
    _races(new_runner, appliers, rounds, lock_timeout=lock_timeout, deaths=deaths)
