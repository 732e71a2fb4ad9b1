"""A run about a part of the stack beside a purchase in doubt elsewhere: that is looked for, recorded, and left as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.model.flow import Effect, Outcome
from provisioner.model.guards import Allowance
from provisioner.model.plan import Mode
from provisioner.model.selection import Pattern, Selection

FIRST = Selection(targets=(Pattern.parse("trainer[0]"),))


@pytest.fixture
def doubtful(world, servers):
    """The first server runs; the second was bought, its reply was lost, and no list has shown it so far."""
    world.apply(*servers(1))
    world.cloud.fails(Effect.PURCHASE, Outcome.UNKNOWN, executed=True, name="trainer-1")
    world.apply(*servers(2))
    world.cloud.listed_after = world.clock.time + 10.0
    world.selection = FIRST
    world.resolve_timeout = 60.0
    return world


@pytest.mark.parametrize("mode", [Mode.APPLY, Mode.DESTROY])
def test_it_is_found_and_neither_finished_nor_released(doubtful, servers, types, mode):
    ended = doubtful.apply(*servers(2), mode=mode)
    assert set(types(ended)) == {"done"}
    assert not doubtful.state.intents
    assert "trainer-1" in {one.name for one in doubtful.cloud.ours}
    assert doubtful.cloud.purchases == {"trainer-0": 1, "trainer-1": 1}
    assert ("trainer-0" in {one.name for one in doubtful.cloud.ours}) == (mode is Mode.APPLY)
    doubtful.selection = Selection()
    assert set(types(doubtful.apply(*servers(2)))) <= {"done"}
    assert len(doubtful.cloud.ours) == 2


def test_it_stays_in_doubt_where_it_does_not_show(doubtful, servers, types):
    doubtful.resolve_timeout = 5.0
    assert types(doubtful.apply(*servers(2), mode=Mode.DESTROY)) == ["done", "in_doubt"]
    assert [str(intent.address) for intent in doubtful.state.in_doubt] == ["trainer[1]"]


def test_wherever_a_partial_destroy_dies_nothing_else_is_released(new_world, servers):
    steps = 0
    while True:
        world = new_world()
        world.apply(*servers(2))
        world.selection = FIRST
        ended = world.apply(*servers(2), mode=Mode.DESTROY, die_at=(steps := steps + 1))
        world.examine()
        assert "trainer-1" in {one.name for one in world.cloud.ours}
        if ended is not None:
            break
        world.apply(*servers(2), mode=Mode.DESTROY)
        assert [one.name for one in world.cloud.ours] == ["trainer-1"]
        assert [str(address) for address in world.state.resources] == ["trainer[1]"]
    assert steps > 5


@pytest.mark.parametrize("allowed", [frozenset(), frozenset({Allowance.PREPAID_DELETE})])
def test_a_prepaid_server_that_was_only_a_doubt_is_released_only_where_that_is_allowed(world, servers, only, allowed):
    """A saved guard: the plan was judged while nobody knew what had been bought."""
    world.cloud.fails(Effect.PURCHASE, Outcome.UNKNOWN, executed=True)
    world.apply(*servers(1, prepaid=True))
    world.cloud.listed_after = world.clock.time + 10.0
    world.resolve_timeout = 60.0
    world.allowed = frozenset({Allowance.PREPAID_DELETE})
    plan = replace(world.plan(mode=Mode.DESTROY), allowed=tuple(allowed))
    result = only(world.apply(saved=plan))
    assert bool(world.cloud.ours) == (not allowed)
    assert result.type == ("done" if allowed else "incomplete")
    assert not world.state.intents
