"""Plays a scenario with a trouble of the network at each of its calls, or with several; and says where the promise was broken.

The first run meets the trouble; then a person gives the same command again, in peace, and what follows is judged as after a
death (enumeration). A run that lived has said something, too: its exit code has to be true.
"""

from __future__ import annotations

import random
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace

from crash.enumeration import Theatre
from crash.judgement import agree, books_of, compare, examine, never_arrived, require
from crash.scenarios import Scenario
from crash.stage import Stage
from crash.troubles import EVERY, Trouble, troubles_of
from support.zygote import Ended, Fate

_KILLED = -9


@dataclass(frozen=True, slots=True)
class Blow:
    """A trouble at the call of that number, counted from 0."""

    trouble: Trouble
    number: int

    def told(self, calls: Sequence[str]) -> str:
        return f"{self.trouble.name} at call {self.number + 1} ({calls[self.number]})"


def blows(theatre: Theatre) -> Iterator[Blow]:
    """Each trouble at each call where it means something; of equal calls that eight workers send at once, at the first and at the
    last.
    """
    calls, many = theatre.calls, len(theatre.scenario.ends.bought) > 1
    for number, operation in enumerate(calls):
        if not (many and [operation] * 3 == calls[max(0, number - 1) : number + 2]):
            yield from (Blow(trouble, number) for trouble in troubles_of(operation, pages=many))


def suffer_each(theatre: Theatre, *, operations: Container[str] = EVERY) -> None:
    """At those calls only."""
    played = [blow for blow in blows(theatre) if theatre.calls[blow.number] in operations]
    theatre.tally.points = len(theatre.calls)
    theatre.tally.kinds = len({blow.trouble.name for blow in played})
    for blow in played:
        with theatre.recorded(blow.told(theatre.calls)), theatre.stage() as stage:
            ended = _suffer(theatre, stage, (blow,))
            _go_on(theatre, stage, ended, met=(blow,))


def suffer_pairs(theatre: Theatre, times: int, *, seed: str) -> None:
    """Two of them, in one run or in two: the second may be left for the command that is given again."""
    chance = random.Random(seed)  # noqa: S311 - to be drawn again the same
    every = list(blows(theatre))
    theatre.tally.points = times
    for _ in range(times):
        pair = (chance.choice(every), chance.choice(every))
        where = " and ".join(blow.told(theatre.calls) for blow in pair)
        with theatre.recorded(where), theatre.stage() as stage:
            ended = _suffer(theatre, stage, pair)
            if ended.code != 0:
                ended = _meet(theatre, stage, theatre.command_again(stage), _fate(pair), pair)
            _go_on(theatre, stage, ended, met=pair)


def suffer_and_die(theatre: Theatre, times: int, steps: Sequence[str], *, seed: str) -> None:
    """One of them, and in the same run a death at any step."""
    chance = random.Random(seed)  # noqa: S311 - to be drawn again the same
    every = list(blows(theatre))
    theatre.tally.points = times
    for _ in range(times):
        blow, step = chance.choice(every), chance.randint(1, len(steps))
        where = f"{blow.told(theatre.calls)} and death at step {step}"
        with theatre.recorded(where), theatre.stage() as stage:
            ended = _suffer(theatre, stage, (blow,), events={step: "KILL"})
            _go_on(theatre, stage, ended, met=(blow,), deaths=1)


def _suffer(theatre: Theatre, stage: Stage, met: Sequence[Blow], events: dict[int, str] | None = None) -> Ended:
    stage.expect_stranger(theatre.scenario.stranger)
    stage.arm(*(rule for blow in met for rule in blow.trouble.rules(theatre.calls, blow.number)))
    return _meet(theatre, stage, theatre.scenario.command, replace(_fate(met), events=events or {}), met)


def _fate(met: Sequence[Blow]) -> Fate:
    """Of a run that meets all of these."""
    fates = [blow.trouble.fate for blow in met]
    return Fate(
        patience=next((fate.patience for fate in fates if fate.patience is not None), None),
        page=next((fate.page for fate in fates if fate.page is not None), None),
    )


def _meet(theatre: Theatre, stage: Stage, command: tuple[str, ...], fate: Fate, met: Sequence[Blow]) -> Ended:
    stage.changes_asked_for()
    ended = theatre.run(stage, command, fate)
    examine(stage, theatre.scenario)
    if ended.code != _KILLED:
        _is_true(stage, theatre.scenario, ended, belated=_is_belated(met))
    return ended


def _is_belated(met: Sequence[Blow]) -> bool:
    return any(blow.trouble.is_belated for blow in met)


def _is_true(stage: Stage, scenario: Scenario, ended: Ended, *, belated: bool) -> None:
    """What a run says by its exit code, and that it says no more than a person can read."""
    require("Traceback" not in ended.text, ended.text)
    state = stage.state
    match ended.code:
        case 0:
            if scenario.follow is None:
                agree(stage, scenario)
            if never_arrived(stage, scenario):
                require("Warning[unconfirmed]: alpha" in ended.text, f"a lost reinstallation is not told: {ended.text}")
            else:
                compare(books_of(stage, scenario), scenario, belated=belated)
        case 1:
            asked = stage.changes_asked_for()
            require(not asked, f"exit 1 says that nothing was sent, and the cloud was asked for {asked}: {ended.text}")
        case 6:
            doubts = state.purchases_in_doubt if state else ()
            require(doubts, f"exit 6, and nothing is in doubt: {ended.text}")
            require(all(str(one.address) in ended.text for one in doubts), f"a doubt is not shown: {ended.text}")
        case 7:
            require(state, f"exit 7 says that all is recorded, and nothing is: {ended.text}")
        case 4:
            asked = stage.changes_asked_for()
            require(not asked, f"exit 4 says that nothing was sent, and the cloud was asked for {asked}: {ended.text}")
            allowed = scenario.stranger is not None or "Error[list-incomplete]" in ended.text
            require(allowed, f"exit 4: {ended.text}")
        case code:
            require(holds=False, what=f"exit {code}: {ended.text}")


def _go_on(theatre: Theatre, stage: Stage, ended: Ended, *, met: Sequence[Blow], deaths: int = 0) -> None:
    """In peace."""
    stage.arm()
    blows, belated = len(met) + deaths, _is_belated(met)
    if theatre.is_new(stage, after=f"{blows}, exit {ended.code == 0}, {belated}"):
        ended = ended if ended.code == 0 else theatre.go_on(stage)
        theatre.make_good(stage, ended, belated=belated)
