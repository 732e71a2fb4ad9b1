"""kill -9 at every step of everything that the tool does to a server, and the same command again: the promise, enumerated.

`make test` kills the smallest scenario wherever that makes a difference, and most others around their first changes in the
cloud; `make crash` kills each of them at every step, and the smallest twice at every pair of steps.
"""

from __future__ import annotations

import re

import pytest
from crash.anomaly_scenarios import UNTIDY
from crash.crash_runner import distinct
from crash.scenarios import SCENARIOS, SMALLEST

_CHANGE = re.compile(r"^(sent|heard) (POST|PUT|DELETE)")
_PARTS = 4
_VARIANTS = (", 8", ", nonce")
_UNTIDY_SAMPLE = {
    "a colleague's, all filtered",
    "renamed meanwhile",
    "the reply names a stranger's id",
    "a sibling breaks",
}
_UNPLAYED = {scenario.name for scenario in UNTIDY} - _UNTIDY_SAMPLE
_SAMPLE = [name for name in SCENARIOS if not name.endswith(_VARIANTS) and name not in _UNPLAYED]
_SAMPLE += ["pay-per-use, 8", "pay-per-use, nonce"]


@pytest.mark.parametrize("name", _SAMPLE)
def test_around_a_change_of_the_cloud(theatre, name):
    """The first two changes of each scenario: carried out and not known, known and not written down."""
    play = theatre(name)
    names = play.alone()
    numbers = [number for number, step in enumerate(names, start=1) if _CHANGE.match(step)]
    play.die_at_each(numbers[:4], names)
    assert not play.counters.violations


@pytest.mark.parametrize("name", [SMALLEST.name, "refresh"])
def test_at_every_step_of_the_smallest(theatre, name):
    """At which a death leaves something else than at the step before."""
    play = theatre(name)
    names = play.alone()
    play.die_at_each(distinct(names), names)
    assert not play.counters.violations


@pytest.mark.crash_whole
@pytest.mark.parametrize("name", SCENARIOS)
def test_at_every_step(theatre, name):
    """But those before which nothing was written since the last: a killed process leaves what it has written."""
    play = theatre(name)
    names = play.alone()
    play.die_at_each(distinct(names), names)
    assert not play.counters.violations


@pytest.mark.crash_whole
@pytest.mark.parametrize("part", range(_PARTS))
def test_twice_at_every_pair_of_steps(theatre, part):
    """Every step at which a death leaves something else than at the step before, of the first run and of the next."""
    play = theatre(SMALLEST.name, f"{SMALLEST.name}, pairs")
    names = play.alone()
    play.counters.points, play.counters.kinds = 0, int(part == 0)
    numbers = distinct(names)
    first, last = (len(numbers) * which // _PARTS for which in (part, part + 1))
    play.die_at_each_pair(numbers[first:last], names)
    assert not play.counters.violations
