"""Tests of the harness itself: the checks find a password, and only runs that left the same have the same digest."""

from __future__ import annotations

import base64

import pytest
from crash.crash_environment import QUIET_SECONDS
from crash.ledger_checks import Violation, check_invariants
from crash.leftovers import leftovers_digest
from crash.scenarios import SMALLEST
from support.stack_text import PASSWORD


@pytest.mark.parametrize("place", ["state/test.reserve", "run-1.err", "specs/servers.yaml"])
@pytest.mark.parametrize("disguise", [str.encode, lambda text: base64.b64encode(b"a:" + text.encode())])
def test_a_password_that_was_left_behind_is_seen(new_runner, place, disguise):
    runner = new_runner(SMALLEST.name)
    with runner.new_environment() as environment:
        runner.run(environment, runner.scenario.command)
        check_invariants(environment, runner.scenario)
        with (environment.folder / place).open("ab") as file:
            file.write(b"# " + disguise(PASSWORD) + b"\n")
        with pytest.raises(Violation, match="password"):
            check_invariants(environment, runner.scenario)


def test_two_plays_that_died_between_the_same_two_writes_are_alike(new_runner):
    runner = new_runner(SMALLEST.name)
    names = runner.run_undisturbed()
    assert _left_after(runner, names, "sent POST dev-servers") == _left_after(runner, names, "heard POST dev-servers")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("before POST dev-servers", "sent POST dev-servers"),
        ("before POST dev-servers", "half of write test.journal"),
        ("half of write .test.json.new", "after rename test.json"),
    ],
)
def test_what_differs_in_the_cloud_or_on_disk_is_not_alike(new_runner, one, other):
    runner = new_runner(SMALLEST.name)
    names = runner.run_undisturbed()
    assert _left_after(runner, names, one) != _left_after(runner, names, other)


def test_a_moment_that_has_passed_is_no_other_remains_until_it_matters(new_runner):
    runner = new_runner(SMALLEST.name)
    names = runner.run_undisturbed()
    with runner.new_environment() as environment:
        runner.kill_at(environment, 1 + names.index("before POST dev-servers"))
        before = leftovers_digest(environment)
        environment.advance_clock(QUIET_SECONDS)
        assert leftovers_digest(environment) != before


def _left_after(runner, names, step):
    number = 1 + next(index for index, name in enumerate(names) if name.startswith(step))
    with runner.new_environment() as environment:
        runner.kill_at(environment, number)
        return leftovers_digest(environment)
