"""Every network fault at every call of everything that the tool does to a server; also two at a time, and one with a kill.

`make test` covers the purchase of the smallest scenario, `make crash` every call of all scenarios.
"""

from __future__ import annotations

import pytest
from crash.network_faults import CHANGING
from crash.network_runner import inject_and_kill, inject_each, inject_pairs
from crash.scenarios import SCENARIOS, SMALLEST

_SMALL = ["pay-per-use", "pay-per-use, nonce", "prepaid", "two-step", "rename", "delete", "unsubscribe"]
_TIMES = 100
"""How many random pairs of faults, and of a fault and a kill, each of the small scenarios gets."""


def test_at_the_purchase_of_the_smallest(new_runner):
    runner = new_runner(SMALLEST.name, part="network")
    runner.run_undisturbed()
    inject_each(runner, operations=CHANGING)
    assert not runner.counters.violations


@pytest.mark.crash_whole
@pytest.mark.parametrize("name", SCENARIOS)
def test_at_every_call(new_runner, name):
    runner = new_runner(name, part="network")
    runner.run_undisturbed()
    inject_each(runner)
    assert not runner.counters.violations


@pytest.mark.crash_whole
@pytest.mark.parametrize("name", _SMALL)
def test_two_at_a_time(new_runner, name):
    runner = new_runner(name, f"{name}, pairs", part="network")
    runner.run_undisturbed()
    inject_pairs(runner, _TIMES, seed=name)
    assert not runner.counters.violations


@pytest.mark.crash_whole
@pytest.mark.parametrize("name", _SMALL)
def test_together_with_a_death(new_runner, name):
    runner = new_runner(name, f"{name}, and a death", part="network")
    steps = runner.run_undisturbed()
    inject_and_kill(runner, _TIMES, steps, seed=name)
    assert not runner.counters.violations
