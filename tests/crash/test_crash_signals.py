"""Ctrl-C, TERM, HUP and readers who walk away, at every step: what was sent is recorded, and the same command goes on.

A signal that nobody has to wait for (`docs/commands.md`, Stopping) ends with 8; one that meets no work may end the process at
once, or come too late to matter.
"""

from __future__ import annotations

import re
import signal

import pytest
from crash.judgement import examine, require

from provisioner.model.resource import Phase

_SCENARIOS = ["pay-per-use", "building", "prepaid", "replace", "delete"]
_GONE = {"STDOUT", "STDERR", "STDOUT+STDERR", "PIPE"}
_EVENTS = ["INT", "TERM", "HUP", "INT+INT", "INT, and again at the next step", *sorted(_GONE)]
_UNDER_WAY = {Phase.ORDERING, Phase.CREATING, Phase.DELETING}
_TELLING = re.compile(r"^(before|sent|heard) (POST|PUT|DELETE|GET all)")


def _events(event: str, number: int) -> dict[int, str]:
    first, again, _ = event.partition(", and again")
    return {number: first, **({number + 1: first} if again else {})}


def _allowed(event: str) -> set[int]:
    if event in _GONE:
        return {0}
    number = signal.Signals[f"SIG{event[:4].strip('+, ')}"]
    return {0, 8, -number} | ({6} if event.startswith("INT") and event != "INT" else set())


def _interrupt_at_each(play, event, numbers, names):
    for number in numbers:
        where = f"{event} at step {number} ({names[number - 1]})"
        with play.recorded(where), play.stage() as stage:
            ended = play.run(stage, play.scenario.command, _events(event, number))
            require(ended.code in _allowed(event), f"exit {ended.code}: {ended.text}")
            require("Traceback" not in ended.text, ended.text)
            examine(stage, play.scenario)
            _ends_in_order(stage, ended)
            play.make_good(stage, play.go_on(stage), deaths=0)


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


@pytest.mark.parametrize("event", ["INT", "HUP", "INT+INT", "STDOUT+STDERR"])
def test_while_the_cloud_is_asked(theatre, event):
    play = theatre("pay-per-use")
    names = play.alone()
    numbers = [number for number, step in enumerate(names, start=1) if _TELLING.match(step)]
    _interrupt_at_each(play, event, numbers, names)
    assert not play.tally.violations


@pytest.mark.crash_whole
@pytest.mark.parametrize("event", _EVENTS)
@pytest.mark.parametrize("name", _SCENARIOS)
def test_at_every_step(theatre, name, event):
    play = theatre(name, f"{name}, {event}")
    names = play.alone()
    _interrupt_at_each(play, event, range(1, len(names) + 1), names)
    assert not play.tally.violations
