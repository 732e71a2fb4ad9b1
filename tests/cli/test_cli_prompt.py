"""Approval: only the word yes is one, and where nobody can be asked the answer is no."""

import io
import os
import pty
import select
import subprocess
import sys

import pytest


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def answering(monkeypatch):
    def answer(text: str) -> None:
        monkeypatch.setattr("sys.stdin", Terminal(text))

    return answer


@pytest.mark.parametrize("answer", ["yes\n", "yes", "  yes  \n"])
def test_yes_is_a_yes(cli, answering, answer: str) -> None:
    answering(answer)
    ran = cli.run("apply")
    assert ran.code == 0
    assert "Only 'yes' will be accepted to approve." in ran.stderr_text
    assert cli.bought() == ["gateway"]


@pytest.mark.parametrize("answer", ["y\n", "YES\n", "Yes\n", "\n", "", "no\n", "yes please\n", "true\n"])
def test_anything_else_is_a_no(cli, answering, answer: str) -> None:
    answering(answer)
    ran = cli.run("apply")
    assert ran.code == 8
    assert "Not approved. Nothing was changed." in ran.stderr_text
    assert (cli.bought(), cli.state_files()) == ([], {})


def test_destroying_says_that_there_is_no_way_back(applied, answering) -> None:
    answering("y\n")
    ran = applied.run("destroy")
    assert ran.code == 8
    assert "There is no undo" in ran.stderr_text
    assert applied.ledger() == [("purchase", "gateway")]


@pytest.mark.parametrize("command", ["apply", "destroy"])
def test_without_a_terminal_the_refusal_names_the_flag(applied, monkeypatch, command: str) -> None:
    applied.write_specs("servers: {second: {}}\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    said = applied.assert_fails(command, code="no-approval", exit_code=8).stderr_text
    assert "--auto-approve" in said
    assert "--out tonight.plan" in said


@pytest.mark.parametrize("flag", ["--no-input", "-input=false", "--json"])
def test_whoever_must_not_be_asked_is_not(cli, answering, flag: str) -> None:
    answering("yes\n")
    assert "Enter a value" not in cli.assert_fails("apply", flag, code="no-approval", exit_code=8).err


def test_the_environment_may_forbid_to_ask_and_the_command_allow_it(cli, answering, monkeypatch) -> None:
    answering("yes\n")
    monkeypatch.setenv("PROVISIONER_INPUT", "0")
    cli.assert_fails("apply", code="no-approval", exit_code=8)
    assert cli.run("apply", "--input").code == 0


def test_nobody_is_asked_when_there_is_nothing_to_do(applied) -> None:
    ran = applied.run("apply")
    assert (ran.code, ran.err) == (0, "")


def test_a_person_at_a_real_terminal_is_asked_and_heard(cli) -> None:
    """The question stands after the plan, and the answer is read from the terminal."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "provisioner", "apply"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        seen = read_until(ours, b"Enter a value: ")
        os.write(ours, b"yes\n")
        seen += read_until(ours, None)
    os.close(ours)
    assert process.returncode == 0
    assert seen.index(b"1 to add") < seen.index(b"Enter a value") < seen.index(b"Apply complete!")
    assert cli.bought() == ["gateway"]


def read_until(descriptor: int, wanted: bytes | None) -> bytes:
    """All that comes up to `wanted`, or up to the end of the other side."""
    seen = b""
    while (wanted is None or wanted not in seen) and select.select([descriptor], [], [], 30)[0]:
        try:
            chunk = os.read(descriptor, 4096)
        except OSError:  # Linux says EIO when the other side has gone
            break
        if not chunk:
            break
        seen += chunk
    return seen


PROTECTED = "environment: prod\nenvironments: {prod: {protected: true}, dev: {}}\n"


@pytest.fixture
def protected(cli):
    """A stack whose environment `prod` is protected, and `dev` is not."""
    cli.write("specs/stack.yaml", (cli.path / "specs" / "stack.yaml").read_text() + PROTECTED)
    return cli


@pytest.mark.parametrize("answer", ["yes\n", "dev\n", "PROD\n", "\n"])
def test_a_protected_environment_is_approved_by_nothing_but_its_name(protected, answering, answer: str) -> None:
    answering(answer)
    ran = protected.run("apply")
    assert "It is protected: only its name, 'prod', will be accepted to approve." in ran.stderr_text
    assert "They are done in environment prod, account " in ran.stderr_text
    assert (ran.code, protected.bought()) == (8, [])


def test_the_name_of_a_protected_environment_approves(protected, answering) -> None:
    answering("prod\n")
    ran = protected.run("apply")
    assert (ran.code, protected.bought()) == (0, ["gateway"])
    assert "To be done in environment prod, account " in ran.out
    answering("yes\n")
    assert protected.run("destroy").code == 8
    assert protected.run("state", "rm", "gateway").code == 8
    answering("prod\n")
    assert protected.run("destroy").code == 0


def test_other_environments_and_auto_approval_stay_as_they_were(protected, answering) -> None:
    answering("yes\n")
    assert protected.run("apply", "-e", "dev").code == 0
    protected.write_specs("servers: {other: {}}\n")
    assert protected.run("apply", "--auto-approve").code == 0


def test_the_users_configuration_protects_a_stack_without_environments(cli, answering) -> None:
    cli.configure("stacks: {demo: {protected: true}}\n")
    answering("yes\n")
    assert "only its name, 'demo'," in cli.run("apply").stderr_text
    answering("demo\n")
    assert cli.run("apply").code == 0
    assert cli.bought() == ["gateway"]
