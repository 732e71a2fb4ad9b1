"""Ctrl-C, TERM, HUP and closed output streams, at every step: what was sent is recorded, and the same command goes on.

An interrupted run exits 8 (`docs/commands.md`, Stopping). A signal that comes when nothing is under way may end the process at
once, or come too late to matter.
"""

from __future__ import annotations

import re
import signal

import pytest
from crash.crash_runner import distinct_steps
from crash.ledger_checks import check_invariants, require
from crash.scenarios import Scenario
from support.crash_fork_server import FaultPlan

from provisioner.model.resource import Phase

_TWICE_IN_A_ROW = "INT, and again at the next step"
_CLOSED_STREAMS = ["STDOUT", "STDERR", "STDOUT+STDERR"]
_INTERRUPTIONS = [
    *(("pay-per-use", event) for event in ("INT", "TERM", "HUP", "INT+INT", _TWICE_IN_A_ROW, *_CLOSED_STREAMS)),
    *((name, event) for name in ("building", "replace", "delete") for event in ("INT", _TWICE_IN_A_ROW)),
]
_UNDER_WAY = {Phase.ORDERING, Phase.CREATING, Phase.DELETING}
_CLOUD_STEP = re.compile(r"^(before|sent|heard) (POST|PUT|DELETE|GET all)")


def _events(event: str, number: int) -> dict[int, str]:
    return {number: "INT", number + 1: "INT"} if event == _TWICE_IN_A_ROW else {number: event}


def _allowed(event: str, scenario: Scenario) -> set[int]:
    """Returns the exit codes that are fine. 7 goes before 8: a server that is released and not replaced is worse than an interruption."""
    if event in _CLOSED_STREAMS:
        return {0}
    if event in {"TERM", "HUP"}:
        return {0, 8, -signal.Signals[f"SIG{event}"]}
    releasing = {7} if scenario.expected.released else set()
    return {0, 8} | releasing | ({6} if event != "INT" else set())


def _interrupt_at_each(runner, event, numbers, names):
    for number in numbers:
        where = f"{event} at step {number} ({names[number - 1]})"
        with runner.record_violations(where), runner.new_environment() as environment:
            result = runner.run(environment, runner.scenario.command, FaultPlan(_events(event, number)))
            require(result.code in _allowed(event, runner.scenario), f"exit {result.code}: {result.text}")
            require("Traceback" not in result.text, result.text)
            check_invariants(environment, runner.scenario)
            if event != _TWICE_IN_A_ROW:  # the last test of this file shows what that may cost
                _check_ended_in_order(environment, result)
            if runner.is_new(environment):
                runner.settle(environment, runner.run_again(environment))


def _check_ended_in_order(environment, result):
    """Checks that an interrupted run names what is under way by its id, and that a process killed by the signal left nothing so."""
    state = environment.state
    under_way = [one for one in state.resources.values() if one.phase in _UNDER_WAY] if state else []
    require(
        result.code >= 0 or not (under_way or (state and state.intents)), f"died at work, with {under_way} under way"
    )
    if result.code == 8 and under_way:
        last = result.out.splitlines()[-1]
        require("interrupted" in last and "under way" in last, f"the last line is {last!r}")
        for record in under_way:
            require((record.id or record.order_id) in result.out, f"{record.id} is not named: {result.text}")


@pytest.mark.parametrize("event", ["INT", "HUP", "INT+INT"])
def test_while_the_cloud_is_asked(new_runner, event):
    runner = new_runner("pay-per-use")
    names = runner.run_undisturbed()
    numbers = [number for number, step in enumerate(names, start=1) if _CLOUD_STEP.match(step)]
    _interrupt_at_each(runner, event, numbers, names)
    assert not runner.counters.violations


@pytest.mark.crash_whole
@pytest.mark.parametrize(("name", "event"), _INTERRUPTIONS)
def test_at_every_step(new_runner, name, event):
    runner = new_runner(name, f"{name}, {event}", part="signals")
    names = runner.run_undisturbed()
    numbers = range(1, len(names) + 1) if name == "pay-per-use" else distinct_steps(names)
    _interrupt_at_each(runner, event, numbers, names)
    assert not runner.counters.violations


@pytest.mark.parametrize("late", ["INT", "TERM", "HUP"])
def test_impatience_does_not_cost_the_summary(new_runner, late):
    """Ctrl-C while a server builds, and another signal while the state is written: the summary still names the server."""
    runner = new_runner("building")
    first = 1 + runner.run_undisturbed().index("heard POST dev-servers")
    with runner.new_environment() as environment:
        second = 1 + runner.run(environment, runner.scenario.command, FaultPlan({first: "INT"})).steps.index(
            "before open .test.backup.new"
        )
    with runner.new_environment() as environment:
        result = runner.run(environment, runner.scenario.command, FaultPlan({first: "INT", second: late}))
        check_invariants(environment, runner.scenario)
        (server,) = environment.live_servers
        assert (result.code, server.id in result.out) == (8, True)
