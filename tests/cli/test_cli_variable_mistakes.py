"""Values of variables that cannot be: each message says which variable, what is wrong, and where the value came from."""

import pytest
from support.desk import STACK

VARIABLES = """\
variables:
  nodes: {type: integer, minimum: 0}
  team: {type: string, default: vision}
"""


@pytest.fixture
def desk(desk):
    desk.stack(STACK + VARIABLES)
    return desk


def test_a_variable_without_a_value(desk) -> None:
    said = desk.refuses("missing-variable").said
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
def test_a_value_from_the_command_line_that_does_not_fit(desk, assignment: str, code: str, says: str) -> None:
    said = desk.fails("plan", "--var", assignment, code=code).said
    assert f"the variable nodes {says}" in said
    assert "change the value given by --var nodes" in said


def test_a_value_for_a_variable_that_nobody_declared(desk) -> None:
    said = desk.fails("plan", "--var", "nodes=1", "--var", "teem=x", code="undeclared-variable").said
    assert "the variable teem is not declared" in said
    assert "did you mean team?" in said


@pytest.mark.parametrize("assignment", ["nodes", "=3", ""])
def test_an_assignment_that_is_none(desk, assignment: str) -> None:
    ran = desk.run("plan", "--var", assignment)
    assert ran.code == 1
    assert "--var" in ran.said
    assert "help:" in ran.said
    assert desk.ledger() == []


def test_a_value_from_the_environment_that_does_not_fit(desk, monkeypatch) -> None:
    monkeypatch.setenv("PROVISIONER_VAR_nodes", "many")
    assert "change the value given by PROVISIONER_VAR_nodes" in desk.refuses("wrong-type").said


def test_a_file_of_values_that_does_not_exist(desk) -> None:
    said = desk.fails("plan", "--var-file", "mine.yaml", code="unreadable-file").said
    assert "mine.yaml cannot be read: No such file or directory" in said


def test_a_value_from_a_file_that_does_not_fit(desk) -> None:
    desk.write("mine.yaml", "nodes: [1]\n")
    said = desk.fails("plan", "--var-file", "mine.yaml", code="wrong-type").said
    assert "--> mine.yaml:1:1" in said
    assert "change the value given by mine.yaml" in said
