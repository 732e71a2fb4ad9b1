"""Crash at every step: before and after every write and every call, in every sort of run, and in the recovery as well.

A run that is left alone numbers the steps. Then the run dies at each of them, and the next apply has to make it good: every
wanted server is there and was bought once, or its address is in doubt and nothing was bought. That no server of ours is at
any instant in neither the state nor an open intent, the world examines by itself at every step.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from provisioner.model.plan import Mode


@dataclass(frozen=True)
class Scenario:
    """From `first`, where there is something before, to `then`. A run passes `points` of each server, and others."""

    points: tuple[str, ...]
    then: dict[str, Any] = field(default_factory=dict)
    first: dict[str, Any] | None = None
    mode: Mode = Mode.APPLY
    purchases: int = 1

    @property
    def leaves(self) -> int:
        return 0 if self.mode is Mode.DESTROY else 1


BUYING = ("writing intended", "buy", "writing answered", "list", "writing remembered")
SHARED = {"list", "ask billing"}
"""Made once for all servers that wait for it at that moment."""
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


class Story:
    """A scenario told for so many servers, as often as it takes."""

    def __init__(self, new_world, servers, scenario, count, parallelism=10):
        self.world = new_world()
        self.scenario = scenario
        self.parallelism = parallelism
        self.wanted = servers(count, **scenario.then)
        self.world.cloud.build_seconds = self.world.cloud.release_seconds = 3.0
        if scenario.first is not None:
            self.world.apply(*servers(count, **scenario.first))

    def go_on(self, die_at=None):
        return self.world.apply(
            *self.wanted,
            mode=self.scenario.mode,
            replacing=self._not_yet_replaced(),
            parallelism=self.parallelism,
            die_at=die_at,
        )

    def _not_yet_replaced(self):
        """As the person would name them again: who still has the old flavor."""
        wanted = self.wanted[0].fields["flavor"]
        return [str(key) for key, one in self.world.state.resources.items() if one.declared["flavor"] != wanted]

    def check(self):
        """Bought exactly as often as asked, or in doubt and not bought."""
        world = self.world
        world.examine()
        doubted = {intent.address for intent in world.state.in_doubt}
        flavors = Counter((server.name, server.flavor) for server in world.cloud.ours)
        for desired in self.wanted:
            name = desired.name.replace("renamed", "trainer")
            bought = world.cloud.purchases[name]
            if desired.address in doubted:
                assert bought == self.scenario.purchases - 1
            else:
                assert bought == self.scenario.purchases
                assert flavors[desired.name, desired.fields["flavor"]] == self.scenario.leaves
        assert len(world.cloud.ours) == (len(self.wanted) - len(doubted)) * self.scenario.leaves
        assert {one.id for one in world.state.resources.values()} == {one.id for one in world.cloud.ours}


@pytest.mark.parametrize(("count", "parallelism"), [(1, 1), (3, 10), (3, 1)])
@pytest.mark.parametrize("name", SCENARIOS)
def test_one_more_apply_makes_good_a_death_at_any_step(new_world, servers, name, count, parallelism):
    scenario = SCENARIOS[name]
    alone = Story(new_world, servers, scenario, count, parallelism)
    alone.go_on()
    alone.check()
    steps = alone.world.crash_plan.steps
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
        story = Story(new_world, servers, scenario, count, parallelism)
        assert story.go_on(die_at=step) is None
        assert story.world.crash_plan.steps == steps[: step + 1]
        story.world.examine()
        deaths += 1
        story.go_on()
        story.check()
    assert deaths == len(steps) >= 2 * len(scenario.points)


def test_only_a_request_that_never_left_leaves_a_doubt(new_world, servers):
    """Whatever reached the cloud is found again at once; the rest is for a person, or for time, to decide."""
    scenario = SCENARIOS["buy"]
    alone = Story(new_world, servers, scenario, 1)
    alone.go_on()
    doubted = []
    for step, what in enumerate(alone.world.crash_plan.steps):
        story = Story(new_world, servers, scenario, 1)
        story.go_on(die_at=step)
        story.go_on()
        if story.world.state.in_doubt:
            doubted.append(what)
    assert doubted == ["after writing intended", "before buy trainer-0"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["buy", "release", "replace", "rename"])
def test_a_death_in_the_recovery_from_a_death_is_made_good_too(new_world, servers, name):
    scenario = SCENARIOS[name]
    alone = Story(new_world, servers, scenario, 1)
    alone.go_on()
    deaths = 0
    steps = len(alone.world.crash_plan.steps)
    for first in range(steps):
        second = 0
        while True:
            story = Story(new_world, servers, scenario, 1)
            story.go_on(die_at=first)
            if story.go_on(die_at=second) is not None:
                break
            deaths += 1
            second += 1
            story.go_on()
            story.check()
        assert second > 0
    assert deaths >= 2 * steps


@pytest.mark.parametrize("count", [1, 3])
def test_a_death_while_the_list_lags_is_made_good_when_the_list_has_caught_up(new_world, servers, count):
    alone = Story(new_world, servers, SCENARIOS["buy"], count)
    alone.world.cloud.listed_after = 30.0
    alone.go_on()
    steps = len(alone.world.crash_plan.steps)
    for step in range(steps):
        story = Story(new_world, servers, SCENARIOS["buy"], count)
        story.world.cloud.listed_after = 30.0
        story.go_on(die_at=step)
        story.go_on()
        assert max(story.world.cloud.purchases.values(), default=0) <= 1
        story.world.clock.time += 60.0
        story.go_on()
        story.check()
    assert steps >= 2 * len(BUYING)
