"""Which stack and which state a command works on: never decided by an empty folder, and never advice to make a second one."""

from __future__ import annotations

import shutil

import pytest


def test_an_empty_state_folder_does_not_hide_the_servers(applied):
    near = applied.path / "specs" / "state"
    near.mkdir()
    ran = applied.run("plan")
    assert "No changes" in ran.out
    assert "Warning[state-folder-empty]" in ran.err
    assert applied.run("apply", "--auto-approve").code == 0
    assert applied.bought() == ["gateway"]
    assert not list(near.iterdir())


def test_what_holds_the_state_is_told(applied):
    place = str(applied.state / "demo.json")
    assert f"kept at {place}" in applied.run("show").out
    assert applied.run("show", "--json").document["location"] == place
    listed = applied.run("state", "list")
    assert (listed.out, place in listed.err) == ("gateway\n", True)


@pytest.mark.parametrize("arguments", [("plan",), ("-C", "..", "plan"), ("plan", "--specs", ".")])
def test_a_command_inside_of_a_stack_works_on_it(applied, monkeypatch, arguments):
    monkeypatch.chdir(applied.path / "specs")
    ran = applied.run(*arguments)
    assert "No changes" in ran.out, ran.text
    assert applied.run("sandbox", "ledger").out.count("purchase") == 1


def test_init_refuses_inside_of_a_stack_and_above_one(applied, monkeypatch):
    """What this issue began with: `init` in specs/ made specs/specs and specs/state, and an apply bought everything again."""
    monkeypatch.chdir(applied.path / "specs")
    said = applied.assert_fails("init", code="stack-exists").stderr_text
    assert "inside the stack" in said
    (applied.path / "specs" / "deeper").mkdir()
    monkeypatch.chdir(applied.path / "specs" / "deeper")
    assert "plan --specs .." in applied.assert_fails("init", code="stack-exists").stderr_text
    monkeypatch.chdir(applied.path)
    assert "above the stack" in applied.assert_fails("init", "--specs", ".", code="stack-exists").stderr_text
    monkeypatch.chdir(applied.path.parent)
    assert "above the stack" in applied.assert_fails("init", "--specs", ".", code="stack-exists").stderr_text
    assert not (applied.path / "specs" / "specs").exists()
    assert not (applied.path / "specs" / "state").exists()


def test_init_refuses_where_a_state_of_its_name_would_become_that_of_the_new_specs(applied, monkeypatch):
    shutil.rmtree(applied.path / "specs")
    folder = applied.path / "demo"
    folder.mkdir()
    monkeypatch.chdir(folder)
    said = applied.assert_fails("init", code="state-exists").stderr_text
    assert str(applied.state) in said
    assert not list(folder.iterdir())


def test_init_of_a_second_stack_keeps_its_state_with_the_others(applied):
    ran = applied.run("init", "--specs", "teams/vision/specs")
    assert ran.code == 0
    assert f"kept in {applied.state}" in ran.err
    assert not (applied.path / "teams" / "vision" / "state").exists()
    assert "1 to add" in applied.run("plan", "--specs", "teams/vision/specs").out


@pytest.mark.parametrize(
    ("where", "way"),
    [
        ("specs/templates", "--specs .."),
        ("docs", "--specs ../specs"),
        ("..", "name it with --specs "),
    ],
)
def test_nobody_is_advised_to_make_a_stack_where_one_is_near(applied, monkeypatch, where, way):
    (applied.path / where).mkdir(exist_ok=True)
    monkeypatch.chdir(applied.path / where)
    said = applied.assert_fails("plan", code="stack-missing").stderr_text
    assert way in said
    assert "init" not in said


def test_two_stacks_that_may_both_be_meant_are_refused(applied):
    applied.write("stack.yaml", "stack: other\ncloud: sandbox\n")
    assert "--specs specs" in applied.assert_refused("stack-ambiguous").stderr_text
    assert "No changes" in applied.run("plan", "--specs", "specs").out


def test_a_named_state_is_taken_as_it_is(applied, monkeypatch):
    (applied.path / "empty").mkdir()
    ran = applied.run("plan", "--state", "empty")
    assert "Warning[no-state]" in ran.out
    monkeypatch.setenv("PROVISIONER_STATE", str(applied.path / "empty"))
    applied.assert_fails("show", code="no-state")
