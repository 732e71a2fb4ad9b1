"""Values of variables that cannot be: each message says which variable, what is wrong, and where the value came from."""

import pytest
from support.cli_runner import STACK

VARIABLES = """\
variables:
  nodes: {type: integer, minimum: 0}
  team: {type: string, default: vision}
"""


@pytest.fixture
def cli(cli):
    cli.write_stack(STACK + VARIABLES)
    return cli


def test_a_variable_without_a_value(cli) -> None:
    said = cli.assert_refused("missing-variable").stderr_text
    assert "the variable nodes has no value" in said
    assert "--> specs/stack.yaml:13:3" in said
    assert "--var nodes=" in said


@pytest.mark.parametrize(
    ("assignment", "code", "says"),
    [
        ("nodes=many", "wrong-type", "must be of type integer and is a text"),
        ("nodes=-1", "invalid-value", "must be at least 0"),
    ],
)
def test_a_value_from_the_command_line_that_does_not_fit(cli, assignment: str, code: str, says: str) -> None:
    said = cli.assert_fails("plan", "--var", assignment, code=code).stderr_text
    assert f"the variable nodes {says}" in said
    assert "change the value given by --var nodes" in said


def test_a_value_for_a_variable_that_nobody_declared(cli) -> None:
    said = cli.assert_fails("plan", "--var", "nodes=1", "--var", "teem=x", code="undeclared-variable").stderr_text
    assert "the variable teem is not declared" in said
    assert "did you mean team?" in said


@pytest.mark.parametrize("assignment", ["nodes", "=3", ""])
def test_an_assignment_that_is_none(cli, assignment: str) -> None:
    ran = cli.run("plan", "--var", assignment)
    assert ran.code == 1
    assert "--var" in ran.stderr_text
    assert "help:" in ran.stderr_text
    assert cli.ledger() == []


def test_a_value_from_the_environment_that_does_not_fit(cli, monkeypatch) -> None:
    monkeypatch.setenv("PROVISIONER_VAR_nodes", "many")
    assert "change the value given by PROVISIONER_VAR_nodes" in cli.assert_refused("wrong-type").stderr_text


def test_a_file_of_values_that_does_not_exist(cli) -> None:
    said = cli.assert_fails("plan", "--var-file", "mine.yaml", code="unreadable-file").stderr_text
    assert "mine.yaml cannot be read: No such file or directory" in said


def test_a_value_from_a_file_that_does_not_fit(cli) -> None:
    cli.write("mine.yaml", "nodes: [1]\n")
    said = cli.assert_fails("plan", "--var-file", "mine.yaml", code="wrong-type").stderr_text
    assert "--> mine.yaml:1:1" in said
    assert "change the value given by mine.yaml" in said
