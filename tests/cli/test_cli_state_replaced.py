"""A state that this user has seen and that is gone, or that another one has replaced: nothing is bought again without a word."""

from __future__ import annotations

import shutil

import pytest

ANOTHER = "servers: {gateway: {name: another-name}}\n"
"""The cloud refuses to buy beside a server of the same name, so the specs have another name in these tests."""


@pytest.fixture
def lost(applied):
    """The files of the state are gone, and the cloud has still its server."""
    for file in applied.state.glob("demo*"):
        file.unlink()
    applied.write_specs(ANOTHER)
    return applied


def refused(cli) -> str:
    """Checks that neither plan nor apply does anything. Returns what they say, on one line."""
    before = cli.state_files(), cli.ledger()
    for command in (["plan"], ["apply", "--auto-approve"], ["apply", "--auto-approve", "--allow", "all"]):
        ran = cli.run(*command)
        assert (ran.code, "Error[state-replaced]" in ran.text) == (4, True), ran.text
    assert (cli.state_files(), cli.ledger()) == before
    return " ".join(ran.text.split())


def test_what_was_seen_there_is_told_and_nothing_is_bought(lost):
    told = refused(lost)
    assert f"you have seen the state at {lost.state / 'demo.json'} with serial " in told
    assert "there is none now: 1 server would be bought" in told


def test_beginning_anew_on_purpose_is_told_once(lost):
    allowed = lost.run("apply", "--auto-approve", "--allow", "state-replaced")
    assert allowed.code == 0, allowed.text
    lost.write_specs("servers: {gateway: {name: another-name}, second: {}}\n")
    assert lost.apply().code == 0
    assert lost.bought() == ["gateway", "another-name", "second"]


def test_a_state_that_a_colleague_began_in_its_place_is_another_one(lost, monkeypatch):
    with monkeypatch.context() as colleague:
        colleague.setenv("XDG_STATE_HOME", str(lost.path / "colleague"))
        lost.apply()
    lost.write_specs("servers: {gateway: {name: another-name}, second: {}}\n")
    told = refused(lost)
    assert "another one has been begun there: 1 server would be bought" in told


def test_nothing_is_lost_with_a_state_that_held_nothing(applied):
    assert applied.run("destroy", "--auto-approve").code == 0
    shutil.rmtree(applied.state)
    applied.apply()
    assert applied.bought() == ["gateway"], "the sandbox is another one, too"


def test_who_has_seen_nothing_there_begins_as_ever(lost):
    shutil.rmtree(lost.path / "home")
    lost.apply()
    assert lost.bought() == ["gateway", "another-name"]


def test_a_mark_that_cannot_be_read_stops_nothing(lost):
    (mark,) = (lost.path / "home").rglob("lineages/*.json")
    mark.write_text("[")
    lost.apply()
    assert lost.bought() == ["gateway", "another-name"]
