"""A stack or an environment that was renamed: nothing is bought again, and the state gets its new name."""

from __future__ import annotations

import shutil

import pytest

from provisioner.model.document import seal, unseal
from provisioner.store import open_store

APPLY = ("apply", "--auto-approve")


@pytest.fixture
def renamed(applied):
    """`stack:` says another name than when the server was bought."""
    applied.write_stack(stack="vision")
    applied.write_specs("servers: {gateway: {name: vision-gateway}}\n")
    return applied


def test_a_renamed_stack_buys_nothing_again_until_its_state_is_renamed(renamed):
    said = renamed.assert_fails(*APPLY, code="no-state", exit_code=4).stderr_text
    assert "`provisioner state rename demo vision`" in said
    assert "holds gateway" in said
    assert "Error[no-state]" in renamed.run("plan").out
    assert "state rename demo vision" in " ".join(renamed.run("drift").out.split())
    ran = renamed.run("state", "rename", "demo", "vision", "--reason", "new team")
    assert (ran.code, ran.out, ran.err) == (0, "demo -> vision\n", "")
    assert "1 to change" in renamed.run("plan").out
    renamed.apply()
    assert renamed.bought() == ["gateway"]
    history = renamed.run("history").out
    assert "state renamed" in history
    assert "was demo" in history
    assert "reason: new team" in history
    assert renamed.run("history", "--verify").code == 0
    assert {file.name for file in renamed.state.iterdir() if file.suffix != ".lock"} == {
        "vision.json", "vision.journal", "vision.backup", ".sandbox", ".gitignore",
    }  # fmt: skip


def test_it_is_bought_again_only_where_that_is_allowed(renamed):
    assert renamed.run(*APPLY, "--allow", "all").code == 4
    assert renamed.run(*APPLY, "--allow", "no-state").code == 0
    assert renamed.bought() == ["gateway", "vision-gateway"]


def test_the_state_may_be_renamed_before_the_stack(applied):
    ran = applied.run("state", "rename", "demo", "vision")
    assert (ran.code, "Warning[state-unnamed]" in ran.err) == (0, True)
    applied.assert_fails(*APPLY, code="no-state", exit_code=4)
    applied.write_stack(stack="vision")
    assert "No changes" in applied.run("plan").out


def test_environments_that_are_introduced_buy_nothing_again(applied):
    applied.write("specs/environments/dev.yaml", "{}\n")
    said = applied.assert_fails(*APPLY, "-e", "dev", code="no-state", exit_code=4).stderr_text
    assert "`provisioner state rename demo demo.dev -e dev`" in said
    assert applied.run("state", "rename", "demo", "demo.dev").code == 0
    assert "No changes" in applied.run("plan", "-e", "dev").out
    (applied.path / "specs/environments/dev.yaml").rename(applied.path / "specs/environments/test.yaml")
    assert "demo.dev demo.test" in applied.assert_fails(*APPLY, "-e", "test", code="no-state", exit_code=4).stderr_text
    assert applied.run("state", "rename", "demo.dev", "demo.test").code == 0
    assert "No changes" in applied.run("plan", "-e", "test").out
    (applied.path / "specs/environments/test.yaml").unlink()
    (applied.path / "specs/environments").rmdir()
    assert "demo.test demo`" in applied.assert_fails(*APPLY, code="no-state", exit_code=4).stderr_text
    assert applied.run("state", "rename", "demo.test", "demo").code == 0
    assert "No changes" in applied.run("plan").out
    assert applied.bought() == ["gateway"]


def test_an_environment_that_is_left_behind_is_told_in_every_plan(applied):
    applied.write("specs/environments/dev.yaml", "{}\n")
    assert applied.run("state", "rename", "demo", "demo.dev").code == 0
    (applied.path / "specs/environments/dev.yaml").rename(applied.path / "specs/environments/test.yaml")
    applied.write_specs("servers: {gateway: {name: another}}\n")
    assert applied.run(*APPLY, "-e", "test", "--allow", "no-state").code == 0
    for command in ("plan", "drift"):
        ran = applied.run(command, "-e", "test", "--detailed-exitcode")
        assert (ran.code, "Warning[state-unnamed]" in ran.out, "demo.dev" in ran.out) == (0, True, True), ran.text


def test_another_stack_or_environment_beside_it_is_no_renamed_one(applied):
    applied.write("teams/speech/stack.yaml", (applied.path / "specs/stack.yaml").read_text().replace("demo", "speech"))
    applied.write("teams/speech/servers.yaml", "servers: {gateway: {name: another}}\n")
    ran = applied.run(*APPLY, "--specs", "teams/speech")
    assert (ran.code, "state-unnamed" in ran.text) == (0, False), ran.text
    assert "state-unnamed" not in applied.run("plan").text
    assert applied.bought() == ["gateway", "another"]


def test_what_cannot_be_read_may_be_the_renamed_one(applied):
    state = applied.state / "demo.json"
    state.write_text(state.read_text()[:-20])
    applied.write_stack(stack="vision")
    applied.write_specs("servers: {gateway: {name: vision-gateway}}\n")
    assert "cannot be read" in applied.assert_fails(*APPLY, code="no-state", exit_code=4).stderr_text
    applied.assert_fails("state", "rename", "demo", "vision", code="state-damaged")


def test_a_state_of_another_account_is_not_this_one(renamed):
    state = renamed.state / "demo.json"
    document = unseal(state.read_bytes())
    document |= {"identity": {**document["identity"], "account": "another"}, "head": {"sequence": 0, "hash": ""}}
    state.write_bytes(seal(document, tool="0.1.0"))
    (renamed.state / "demo.journal").unlink()
    shutil.rmtree(renamed.path / "home")
    assert "1 to add" in renamed.run("plan").out
    assert renamed.run("plan").code == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("gone", "vision"), "no-state"),
        (("demo", "demo"), "state-name"),
        (("demo", "a/b"), "state-name"),
        (("demo", "a.b.c"), "state-name"),
        (("demo.json", "../demo"), "state-name"),
        (("demo", ""), "state-name"),
        (("demo", "other"), "state-exists"),
        (("demo", "vision", "--state", "mistyped"), "no-state"),
    ],
)
def test_a_name_that_is_none_or_taken_changes_nothing(applied, arguments, code):
    applied.write("state/other.journal", "what is left of another\n")
    applied.assert_fails("state", "rename", *arguments, code=code)
    assert not (applied.path / "mistyped").exists()


def test_a_run_that_is_at_work_is_waited_for(applied):
    with open_store(applied.state, "demo").write(command="apply", who="ana", timeout=0):
        applied.assert_fails("state", "rename", "demo", "vision", code="lock-held", exit_code=5)
