"""kill -9 at every step of everything that the tool does to a server, followed by the same command.

`make test` kills the smallest scenario wherever that makes a difference, and most others around their first changes in the
cloud; `make crash` kills each of them at every step, and the smallest twice at every pair of steps.
"""

from __future__ import annotations

import re

import pytest
from crash.anomaly_scenarios import ANOMALY_SCENARIOS
from crash.approval_scenarios import APPROVED
from crash.crash_runner import distinct_steps
from crash.scenarios import SCENARIOS, SMALLEST

_CHANGE = re.compile(r"^(sent|heard) (POST|PUT|DELETE)")
_PARTS = 4
_VARIANTS = (", 8", ", nonce")
_ANOMALY_SAMPLE = {
    "a colleague's, all filtered",
    "renamed meanwhile",
    "the reply names a stranger's id",
    "a sibling breaks",
}
_APPROVED_SAMPLE = {"approved", "approved, specs moved on"}
_LEFT_OUT = {scenario.name for scenario in ANOMALY_SCENARIOS} - _ANOMALY_SAMPLE
_LEFT_OUT |= {scenario.name for scenario in APPROVED} - _APPROVED_SAMPLE
_SAMPLE = [name for name in SCENARIOS if not name.endswith(_VARIANTS) and name not in _LEFT_OUT]
_SAMPLE += ["pay-per-use, 8", "pay-per-use, nonce"]


@pytest.mark.parametrize("name", _SAMPLE)
def test_around_a_change_of_the_cloud(new_runner, name):
    """Kills at the first two changes of each scenario: carried out but not known, and known but not recorded."""
    runner = new_runner(name)
    names = runner.run_undisturbed()
    numbers = [number for number, step in enumerate(names, start=1) if _CHANGE.match(step)]
    runner.kill_at_each(numbers[:4], names)
    assert not runner.counters.violations


@pytest.mark.parametrize("name", [SMALLEST.name, "refresh"])
def test_at_every_step_of_the_smallest(new_runner, name):
    """Kills at every step at which that leaves something else than at the step before."""
    runner = new_runner(name)
    names = runner.run_undisturbed()
    runner.kill_at_each(distinct_steps(names), names)
    assert not runner.counters.violations


@pytest.mark.crash_whole
@pytest.mark.parametrize("name", SCENARIOS)
def test_at_every_step(new_runner, name):
    """Steps at which a kill leaves the same as at the step before are left out."""
    runner = new_runner(name)
    names = runner.run_undisturbed()
    runner.kill_at_each(distinct_steps(names), names)
    assert not runner.counters.violations


@pytest.mark.crash_whole
@pytest.mark.parametrize("part", range(_PARTS))
def test_twice_at_every_pair_of_steps(new_runner, part):
    """Kills the first run and the next one, each at every step at which that leaves something else than the step before."""
    runner = new_runner(SMALLEST.name, f"{SMALLEST.name}, pairs")
    names = runner.run_undisturbed()
    runner.counters.points, runner.counters.kinds = 0, int(part == 0)
    numbers = distinct_steps(names)
    first, last = (len(numbers) * which // _PARTS for which in (part, part + 1))
    runner.kill_at_each_pair(numbers[first:last], names)
    assert not runner.counters.violations
