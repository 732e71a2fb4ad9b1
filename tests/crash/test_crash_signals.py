"""Ctrl-C, TERM, HUP and readers who walk away, at every step: what was sent is recorded, and the same command goes on.

A signal that nobody has to wait for (`docs/commands.md`, Stopping) ends with 8; one that meets no work may end the process at
once, or come too late to matter.
"""

from __future__ import annotations

import re
import signal

import pytest
from crash.crash_runner import distinct
from crash.ledger_checks import examine, require
from crash.scenarios import Scenario
from support.crash_fork_server import FaultPlan

from provisioner.model.resource import Phase

_TWICE = "INT, and again at the next step"
_GONE = ["STDOUT", "STDERR", "STDOUT+STDERR"]
_PLAYS = [
    *(("pay-per-use", event) for event in ("INT", "TERM", "HUP", "INT+INT", _TWICE, *_GONE)),
    *((name, event) for name in ("building", "replace", "delete") for event in ("INT", _TWICE)),
]
_UNDER_WAY = {Phase.ORDERING, Phase.CREATING, Phase.DELETING}
_TELLING = re.compile(r"^(before|sent|heard) (POST|PUT|DELETE|GET all)")


def _events(event: str, number: int) -> dict[int, str]:
    return {number: "INT", number + 1: "INT"} if event == _TWICE else {number: event}


def _allowed(event: str, scenario: Scenario) -> set[int]:
    """7 goes before 8: what is released, or may be, and not bought anew falls short by more than an interruption."""
    if event in _GONE:
        return {0}
    if event in {"TERM", "HUP"}:
        return {0, 8, -signal.Signals[f"SIG{event}"]}
    releasing = {7} if scenario.ends.released else set()
    return {0, 8} | releasing | ({6} if event != "INT" else set())


def _interrupt_at_each(play, event, numbers, names):
    for number in numbers:
        where = f"{event} at step {number} ({names[number - 1]})"
        with play.recorded(where), play.stage() as stage:
            ended = play.run(stage, play.scenario.command, FaultPlan(_events(event, number)))
            require(ended.code in _allowed(event, play.scenario), f"exit {ended.code}: {ended.text}")
            require("Traceback" not in ended.text, ended.text)
            examine(stage, play.scenario)
            if event != _TWICE:  # what that may cost stands at the end of this file
                _ends_in_order(stage, ended)
            if play.is_new(stage):
                play.make_good(stage, play.go_on(stage))


def _ends_in_order(stage, ended):
    """Who is interrupted at work says what is under way, by its id; a process that ends at once leaves nothing under way."""
    state = stage.state
    under_way = [one for one in state.resources.values() if one.phase in _UNDER_WAY] if state else []
    require(
        ended.code >= 0 or not (under_way or (state and state.intents)), f"died at work, with {under_way} under way"
    )
    if ended.code == 8 and under_way:
        last = ended.out.splitlines()[-1]
        require("interrupted" in last and "under way" in last, f"the last line is {last!r}")
        for record in under_way:
            require((record.id or record.order_id) in ended.out, f"{record.id} is not named: {ended.text}")


@pytest.mark.parametrize("event", ["INT", "HUP", "INT+INT"])
def test_while_the_cloud_is_asked(theatre, event):
    play = theatre("pay-per-use")
    names = play.alone()
    numbers = [number for number, step in enumerate(names, start=1) if _TELLING.match(step)]
    _interrupt_at_each(play, event, numbers, names)
    assert not play.counters.violations


@pytest.mark.crash_whole
@pytest.mark.parametrize(("name", "event"), _PLAYS)
def test_at_every_step(theatre, name, event):
    play = theatre(name, f"{name}, {event}", part="signals")
    names = play.alone()
    numbers = range(1, len(names) + 1) if name == "pay-per-use" else distinct(names)
    _interrupt_at_each(play, event, numbers, names)
    assert not play.counters.violations


@pytest.mark.parametrize("late", ["INT", "TERM", "HUP"])
def test_impatience_does_not_cost_the_summary(theatre, late):
    """Ctrl-C while a server builds, and once more a moment later, while the state is written: which server is it?"""
    play = theatre("building")
    first = 1 + play.alone().index("heard POST dev-servers")
    with play.stage() as stage:
        second = 1 + play.run(stage, play.scenario.command, FaultPlan({first: "INT"})).steps.index(
            "before open .test.backup.new"
        )
    with play.stage() as stage:
        ended = play.run(stage, play.scenario.command, FaultPlan({first: "INT", second: late}))
        examine(stage, play.scenario)
        (server,) = stage.alive
        assert (ended.code, server.id in ended.out) == (8, True)
