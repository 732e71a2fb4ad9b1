"""The state's folder is put back from an older copy: what was bought since is not bought again, and is found again."""

from __future__ import annotations

import shutil

import pytest

BOTH = {"alpha": 1, "beta": 1}


@pytest.fixture
def put_back(workspace):
    """A plan was saved, the folder copied, the plan applied, and the copy put in the folder's place."""
    workspace.write("servers: {beta: {}}\n")
    assert workspace.apply().code == 0
    workspace.write("servers: {alpha: {}, beta: {}}\n")
    assert workspace.run_in_process("plan", "--out", "saved.plan").code == 0
    shutil.copytree(workspace.folder / "state", workspace.folder / "copy")
    assert workspace.run_in_process("apply", "saved.plan").code == 0
    assert workspace.purchases == BOTH
    shutil.rmtree(workspace.folder / "state")
    shutil.copytree(workspace.folder / "copy", workspace.folder / "state")
    return workspace


@pytest.mark.parametrize(
    "command",
    [("apply", "saved.plan"), ("apply", "--auto-approve"), ("plan",), ("destroy", "--auto-approve"), ("show",)],
)
def test_nothing_is_done_beside_it(put_back, command):
    refused = put_back.run_in_process(*command)
    assert refused.code == 1
    assert "state-older" in refused.text
    assert "state rebuild" in refused.text
    assert put_back.purchases == BOTH
    assert not put_back.ledger_counts("release")


def test_a_rebuild_finds_what_was_bought_since(put_back):
    rebuilt = put_back.run_in_process("state", "rebuild", "--auto-approve")
    assert rebuilt.code == 0, rebuilt.text
    assert "rebuild-incomplete" in rebuilt.text
    assert put_back.apply().code == 0
    assert put_back.purchases == BOTH
    assert [*put_back.state()["resources"]] == ["alpha", "beta"]


def test_who_has_not_seen_the_newest_is_stopped_by_the_name_alone(put_back):
    put_back.environment["HOME"] = str(put_back.folder / "of somebody else")
    assert put_back.run_in_process("show").code == 0
    assert put_back.apply().code == 4
    assert put_back.purchases == BOTH
