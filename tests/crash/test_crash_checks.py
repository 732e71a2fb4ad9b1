"""That the judge sees what he is there for, and takes only those plays for alike that are."""

from __future__ import annotations

import base64

import pytest
from crash.crash_environment import QUIET_SECONDS
from crash.ledger_checks import Violation, examine
from crash.leftovers import remains
from crash.scenarios import SMALLEST
from support.process_workspace import PASSWORD


@pytest.mark.parametrize("place", ["state/test.reserve", "run-1.err", "specs/servers.yaml"])
@pytest.mark.parametrize("disguise", [str.encode, lambda text: base64.b64encode(b"a:" + text.encode())])
def test_a_password_that_was_left_behind_is_seen(theatre, place, disguise):
    play = theatre(SMALLEST.name)
    with play.stage() as stage:
        play.run(stage, play.scenario.command)
        examine(stage, play.scenario)
        with (stage.folder / place).open("ab") as file:
            file.write(b"# " + disguise(PASSWORD) + b"\n")
        with pytest.raises(Violation, match="password"):
            examine(stage, play.scenario)


def test_two_plays_that_died_between_the_same_two_writes_are_alike(theatre):
    play = theatre(SMALLEST.name)
    names = play.alone()
    assert _left_after(play, names, "sent POST dev-servers") == _left_after(play, names, "heard POST dev-servers")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("before POST dev-servers", "sent POST dev-servers"),
        ("before POST dev-servers", "half of write test.journal"),
        ("half of write .test.json.new", "after rename test.json"),
    ],
)
def test_what_differs_in_the_cloud_or_on_disk_is_not_alike(theatre, one, other):
    play = theatre(SMALLEST.name)
    names = play.alone()
    assert _left_after(play, names, one) != _left_after(play, names, other)


def test_a_moment_that_has_passed_is_no_other_remains_until_it_matters(theatre):
    play = theatre(SMALLEST.name)
    names = play.alone()
    with play.stage() as stage:
        play.die(stage, 1 + names.index("before POST dev-servers"))
        before = remains(stage)
        stage.pass_time(QUIET_SECONDS)
        assert remains(stage) != before


def _left_after(play, names, step):
    number = 1 + next(index for index, name in enumerate(names) if name.startswith(step))
    with play.stage() as stage:
        play.die(stage, number)
        return remains(stage)
