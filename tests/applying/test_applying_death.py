"""Crash at every step: before and after every write and every call, in every sort of run, and in the recovery as well.

An undisturbed run numbers the steps. Then a run dies at each of them, and the next apply has to finish the work: every
wanted server is there and was bought once, or its address is in doubt and nothing was bought. At every step the harness
itself checks that each server of ours stands in the state or in an open intent.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from support.depth import DEEP, first_deaths

from provisioner.model.plan import Mode


@dataclass(frozen=True)
class Scenario:
    """A run from `first`, or from nothing, to `then`. For each server the run passes `points`, among others."""

    points: tuple[str, ...]
    then: dict[str, Any] = field(default_factory=dict)
    first: dict[str, Any] | None = None
    mode: Mode = Mode.APPLY
    purchases: int = 1

    @property
    def remaining(self) -> int:
        """How many servers of each name there are afterwards."""
        return 0 if self.mode is Mode.DESTROY else 1


BUYING = ("writing intended", "buy", "writing answered", "list", "writing remembered")
SHARED = {"list", "ask billing"}
"""The points that are passed once for all servers that wait for them at that moment."""
RELEASING = ("ask billing", "writing intended", "delete", "writing answered", "list", "writing forgotten")
UNSUBSCRIBING = tuple("unsubscribe" if point == "delete" else point for point in RELEASING)
PREPAID = {"prepaid": True}
SCENARIOS = {
    "buy": Scenario(BUYING),
    "buy prepaid": Scenario(BUYING, then=PREPAID),
    "release": Scenario(RELEASING, first={}, mode=Mode.DESTROY),
    "release prepaid": Scenario(UNSUBSCRIBING, first=PREPAID, then=PREPAID, mode=Mode.DESTROY),
    "replace": Scenario((*RELEASING, *BUYING), first={}, then={"flavor": "larger"}, purchases=2),
    "replace prepaid": Scenario(
        (*UNSUBSCRIBING, *BUYING), first=PREPAID, then={**PREPAID, "flavor": "larger"}, purchases=2
    ),
    "rename": Scenario(("rename", "writing remembered"), first={}, then={"prefix": "renamed"}),
}


class ScenarioRun:
    """A scenario with `count` servers, in a harness of its own, in which it can be applied as often as it takes."""

    def __init__(self, new_harness, servers, scenario, count, parallelism=10):
        self.harness = new_harness()
        self.scenario = scenario
        self.parallelism = parallelism
        self.wanted = servers(count, **scenario.then)
        self.harness.cloud.build_seconds = self.harness.cloud.release_seconds = 3.0
        if scenario.first is not None:
            self.harness.apply(*servers(count, **scenario.first))

    def apply(self, die_at=None):
        return self.harness.apply(
            *self.wanted,
            mode=self.scenario.mode,
            replacing=self._not_yet_replaced(),
            parallelism=self.parallelism,
            die_at=die_at,
        )

    def _not_yet_replaced(self):
        """Returns the addresses that a person would name again: those whose servers still have the old flavor."""
        wanted = self.wanted[0].fields["flavor"]
        return [str(key) for key, one in self.harness.state.resources.items() if one.declared["flavor"] != wanted]

    def check(self):
        """Checks that each server was bought exactly as often as asked for, or is in doubt and was not bought."""
        harness = self.harness
        harness.check_nothing_is_lost()
        in_doubt = {intent.address for intent in harness.state.in_doubt}
        flavors = Counter((server.name, server.flavor) for server in harness.cloud.ours)
        for desired in self.wanted:
            name = desired.name.replace("renamed", "trainer")
            bought = harness.cloud.purchases[name]
            if desired.address in in_doubt:
                assert bought == self.scenario.purchases - 1
            else:
                assert bought == self.scenario.purchases
                assert flavors[desired.name, desired.fields["flavor"]] == self.scenario.remaining
        assert len(harness.cloud.ours) == (len(self.wanted) - len(in_doubt)) * self.scenario.remaining
        assert {one.id for one in harness.state.resources.values()} == {one.id for one in harness.cloud.ours}


@pytest.mark.parametrize(("count", "parallelism"), [(1, 1), (3, 10), *([(3, 1)] if DEEP else [])])
@pytest.mark.parametrize("name", SCENARIOS)
def test_one_more_apply_makes_good_a_death_at_any_step(new_harness, servers, name, count, parallelism):
    scenario = SCENARIOS[name]
    undisturbed = ScenarioRun(new_harness, servers, scenario, count, parallelism)
    undisturbed.apply()
    undisturbed.check()
    steps = undisturbed.harness.crash_plan.steps
    for point in scenario.points:
        for moment in ("before", "after"):
            passed = [
                word
                for step in steps
                if step.startswith(moment)
                for word in step.split("+")
                if point.split()[-1] in word
            ]
            fewest = 1 if point in SHARED else count
            assert len(passed) >= fewest, f"{moment} {point} is not among the steps"
    deaths = 0
    for step in range(len(steps)):
        run = ScenarioRun(new_harness, servers, scenario, count, parallelism)
        assert run.apply(die_at=step) is None
        assert run.harness.crash_plan.steps == steps[: step + 1]
        run.harness.check_nothing_is_lost()
        deaths += 1
        run.apply()
        run.check()
    assert deaths == len(steps) >= 2 * len(scenario.points)


def test_only_a_request_that_never_left_leaves_a_doubt(new_harness, servers):
    """Whatever reached the cloud is found again at once. The rest is decided by a person or by time."""
    scenario = SCENARIOS["buy"]
    undisturbed = ScenarioRun(new_harness, servers, scenario, 1)
    undisturbed.apply()
    in_doubt = []
    for step, what in enumerate(undisturbed.harness.crash_plan.steps):
        run = ScenarioRun(new_harness, servers, scenario, 1)
        run.apply(die_at=step)
        run.apply()
        if run.harness.state.in_doubt:
            in_doubt.append(what)
    assert in_doubt == ["after writing intended", "before buy trainer-0"]


@pytest.mark.slow
@pytest.mark.crash_part("two deaths")
@pytest.mark.parametrize("name", ["buy", "release", "replace", "rename"])
def test_a_death_in_the_recovery_from_a_death_is_made_good_too(new_harness, servers, name, counters):
    scenario = SCENARIOS[name]
    undisturbed = ScenarioRun(new_harness, servers, scenario, 1)
    undisturbed.apply()
    steps = len(undisturbed.harness.crash_plan.steps)
    for first in first_deaths(steps):
        counters.points += 1
        second = 0
        while True:
            run = ScenarioRun(new_harness, servers, scenario, 1)
            run.apply(die_at=first)
            if run.apply(die_at=second) is not None:
                break
            counters.runs += 3
            counters.deaths += 2
            second += 1
            run.apply()
            run.check()
        assert second > 0
    assert counters.deaths >= 4 * len(first_deaths(steps))


@pytest.mark.parametrize("count", [1, 3])
def test_a_death_while_the_list_lags_is_made_good_when_the_list_has_caught_up(new_harness, servers, count):
    undisturbed = ScenarioRun(new_harness, servers, SCENARIOS["buy"], count)
    undisturbed.harness.cloud.listed_after = 30.0
    undisturbed.apply()
    steps = len(undisturbed.harness.crash_plan.steps)
    for step in range(steps):
        run = ScenarioRun(new_harness, servers, SCENARIOS["buy"], count)
        run.harness.cloud.listed_after = 30.0
        run.apply(die_at=step)
        run.apply()
        assert max(run.harness.cloud.purchases.values(), default=0) <= 1
        run.harness.clock.time += 60.0
        run.apply()
        run.check()
    assert steps >= 2 * len(BUYING)
