"""Everything that a network can do to an answer, at every call of everything that the tool does to a server; in pairs, and
together with a death. `make test` plays the purchase of the smallest scenario; `make crash` every call of all of them.
"""

from __future__ import annotations

import pytest
from crash.network_faults import CHANGING
from crash.network_runner import suffer_and_die, suffer_each, suffer_pairs
from crash.scenarios import SCENARIOS, SMALLEST

_SMALL = ["pay-per-use", "pay-per-use, nonce", "prepaid", "two-step", "rename", "delete", "unsubscribe"]
_TIMES = 100
"""Of pairs for each of the small scenarios, and of deaths."""


def test_at_the_purchase_of_the_smallest(theatre):
    play = theatre(SMALLEST.name, part="network")
    play.alone()
    suffer_each(play, operations=CHANGING)
    assert not play.counters.violations


@pytest.mark.crash_whole
@pytest.mark.parametrize("name", SCENARIOS)
def test_at_every_call(theatre, name):
    play = theatre(name, part="network")
    play.alone()
    suffer_each(play)
    assert not play.counters.violations


@pytest.mark.crash_whole
@pytest.mark.parametrize("name", _SMALL)
def test_two_at_a_time(theatre, name):
    play = theatre(name, f"{name}, pairs", part="network")
    play.alone()
    suffer_pairs(play, _TIMES, seed=name)
    assert not play.counters.violations


@pytest.mark.crash_whole
@pytest.mark.parametrize("name", _SMALL)
def test_together_with_a_death(theatre, name):
    play = theatre(name, f"{name}, and a death", part="network")
    steps = play.alone()
    suffer_and_die(play, _TIMES, steps, seed=name)
    assert not play.counters.violations
