"""A run for a part of the stack, while a purchase outside of that part is in doubt: its server is looked for, recorded,
and left as it is.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.model.flow import Effect, Outcome
from provisioner.model.guards import Allowance
from provisioner.model.plan import Mode
from provisioner.model.selection import Pattern, Selection

FIRST = Selection(targets=(Pattern.parse("trainer[0]"),))


@pytest.fixture
def doubtful(harness, servers):
    """A harness in which the first server runs. The second was bought, its reply was lost, and no list has shown it so
    far.
    """
    harness.apply(*servers(1))
    harness.cloud.fails(Effect.PURCHASE, Outcome.UNKNOWN, executed=True, name="trainer-1")
    harness.apply(*servers(2))
    harness.cloud.listed_after = harness.clock.time + 10.0
    harness.selection = FIRST
    harness.resolve_timeout = 60.0
    return harness


@pytest.mark.parametrize("mode", [Mode.APPLY, Mode.DESTROY])
def test_it_is_found_and_neither_finished_nor_released(doubtful, servers, result_types, mode):
    result = doubtful.apply(*servers(2), mode=mode)
    assert set(result_types(result)) == {"done"}
    assert not doubtful.state.intents
    assert "trainer-1" in {one.name for one in doubtful.cloud.ours}
    assert doubtful.cloud.purchases == {"trainer-0": 1, "trainer-1": 1}
    assert ("trainer-0" in {one.name for one in doubtful.cloud.ours}) == (mode is Mode.APPLY)
    doubtful.selection = Selection()
    assert set(result_types(doubtful.apply(*servers(2)))) <= {"done"}
    assert len(doubtful.cloud.ours) == 2


def test_it_stays_in_doubt_where_it_does_not_show(doubtful, servers, result_types):
    doubtful.resolve_timeout = 5.0
    assert result_types(doubtful.apply(*servers(2), mode=Mode.DESTROY)) == ["done", "in_doubt"]
    assert [str(intent.address) for intent in doubtful.state.in_doubt] == ["trainer[1]"]


def test_wherever_a_partial_destroy_dies_nothing_else_is_released(new_harness, servers):
    steps = 0
    while True:
        harness = new_harness()
        harness.apply(*servers(2))
        harness.selection = FIRST
        result = harness.apply(*servers(2), mode=Mode.DESTROY, die_at=(steps := steps + 1))
        harness.check_nothing_is_lost()
        assert "trainer-1" in {one.name for one in harness.cloud.ours}
        if result is not None:
            break
        harness.apply(*servers(2), mode=Mode.DESTROY)
        assert [one.name for one in harness.cloud.ours] == ["trainer-1"]
        assert [str(address) for address in harness.state.resources] == ["trainer[1]"]
    assert steps > 5


@pytest.mark.parametrize("allowed", [frozenset(), frozenset({Allowance.PREPAID_DELETE})])
def test_a_prepaid_server_that_was_only_a_doubt_is_released_only_where_that_is_allowed(
    harness, servers, only_result, allowed
):
    """The guards checked the plan while nobody knew what had been bought."""
    harness.cloud.fails(Effect.PURCHASE, Outcome.UNKNOWN, executed=True)
    harness.apply(*servers(1, prepaid=True))
    harness.cloud.listed_after = harness.clock.time + 10.0
    harness.resolve_timeout = 60.0
    harness.allowed = frozenset({Allowance.PREPAID_DELETE})
    plan = replace(harness.plan(mode=Mode.DESTROY), allowed=tuple(allowed))
    result = only_result(harness.apply(saved=plan))
    assert bool(harness.cloud.ours) == (not allowed)
    assert result.type == ("done" if allowed else "incomplete")
    assert not harness.state.intents
