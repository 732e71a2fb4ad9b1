"""Many appliers on one state at the same moment, and some of them die: one works at a time, and every address is bought once."""

from __future__ import annotations

import random
import signal

import pytest
from crash.ledger_checks import examine, require
from support.crash_fork_server import FaultPlan

_DEATHS_BEFORE_STEP = 110
"""A run of the smallest scenario passes a few less; one that waited for another passes few."""


def _race(play, appliers: int, *, patience: str, deaths: int, seed: int) -> None:
    """`deaths` of the appliers die at a step that the seed draws, if they live to see it."""
    chance = random.Random(seed)  # noqa: S311 - to be drawn again the same
    fault_plans = [FaultPlan({chance.randint(1, _DEATHS_BEFORE_STEP): "KILL"}) for _ in range(deaths)]
    fault_plans += [FaultPlan()] * (appliers - deaths)
    command = (*play.scenario.command, f"--lock-timeout={patience}")
    with play.recorded(f"{appliers} appliers, seed {seed}"), play.stage() as stage:
        children = [stage.start(*command, fault_plan=fault_plan) for fault_plan in fault_plans]
        ended = [child.end() for child in children]
        stage.shared_servers.cloud.settle()
        play.counters.runs += appliers
        killed = sum(one.code == -signal.SIGKILL for one in ended)
        play.counters.deaths += killed
        allowed = {0, -signal.SIGKILL, *((6,) if killed else ()), *(() if patience != "0" else (5,))}
        for one in ended:
            require(one.code in allowed, f"exit {one.code}: {one.text}")
        require(deaths or any(one.code == 0 for one in ended), "nobody worked")
        examine(stage, play.scenario)
        play.make_good(stage, play.go_on(stage))


def _races(theatre, appliers, rounds, *, patience, deaths):
    title = f"{appliers} appliers, {'waiting' if patience != '0' else 'not waiting'}, {deaths} deaths"
    play = theatre("pay-per-use, 8" if appliers <= 8 else "pay-per-use", title, part="races")
    play.counters.points = rounds
    for seed in range(rounds):
        _race(play, appliers, patience=patience, deaths=deaths, seed=seed)
    assert not play.counters.violations


@pytest.mark.parametrize(("appliers", "patience", "deaths"), [(2, "60s", 1), (8, "0", 0), (8, "60s", 4)])
def test_a_few(theatre, appliers, patience, deaths):
    _races(theatre, appliers, 1, patience=patience, deaths=deaths)


@pytest.mark.crash_whole
@pytest.mark.parametrize("patience", ["0", "60s"])
@pytest.mark.parametrize(
    ("appliers", "rounds", "deaths"), [(2, 60, 0), (2, 60, 1), (8, 20, 0), (8, 20, 4), (32, 5, 0), (32, 5, 16)]
)
def test_many(theatre, appliers, rounds, deaths, patience):
    _races(theatre, appliers, rounds, patience=patience, deaths=deaths)
