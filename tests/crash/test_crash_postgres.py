"""Deaths with a state in PostgreSQL."""

from __future__ import annotations

import pytest
from crash.crash_runner import distinct_steps
from crash.scenarios import SMALLEST
from crash.state_place import DatabasePlace
from support.postgres_server import required_server


def test_probe(new_runner):
    runner = new_runner(SMALLEST.name, part="postgres", place=DatabasePlace(required_server()))
    names = runner.run_undisturbed()
    for n, name in enumerate(names, 1): print(n, name)
    import time
    t=time.time()
    runner.kill_at_each(distinct_steps(names), names)
    print(len(distinct_steps(names)), runner.counters.runs, runner.counters.repeats, time.time()-t)
    print("\n".join(v[:1500] for v in runner.counters.violations[:5]))
    assert not runner.counters.violations


@pytest.mark.parametrize("how", ["slept", "stood still"])
def test_probe_lost(new_runner, how):
    from crash.lost_locks import suspend_at_each
    runner = new_runner(SMALLEST.name, part="postgres", place=DatabasePlace(required_server()))
    names = runner.run_undisturbed()
    import time
    t=time.time()
    n0=runner.counters.runs
    numbers=range(1, len(names)+1)
    suspend_at_each(runner, numbers, names, how)
    print(len(numbers), runner.counters.runs-n0, runner.counters.repeats, time.time()-t, len(runner.counters.violations))
    print("\n".join(v[:1800] for v in runner.counters.violations))
    assert not runner.counters.violations
