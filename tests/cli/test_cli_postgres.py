"""Commands on a state in PostgreSQL: a folder that knows only the URL and the credentials goes on from another one."""

from __future__ import annotations

import shutil

import pytest
from support.postgres_server import PASSWORD, required_server
from support.postgres_stores import new_url, parsed


@pytest.fixture
def shared(cli, monkeypatch):
    """The state is in a new schema, and its URL in the environment."""
    server = required_server()
    monkeypatch.setenv("PROVISIONER_STATE", new_url(server))
    return cli


def test_what_one_folder_bought_another_one_knows(shared):
    assert shared.apply().code == 0
    assert shared.bought() == ["gateway"]
    assert [name for name in shared.state_files() if name.startswith("demo")] == []
    shutil.rmtree(shared.path / "home", ignore_errors=True)
    assert "No changes" in shared.run("plan").text
    assert "gateway" in shared.run("show").text
    assert "gateway" in shared.run("history").text
    assert shared.apply().code == 0
    assert shared.bought() == ["gateway"]
    assert PASSWORD not in shared.run("show").text


def test_a_database_that_is_gone_is_told_and_nothing_is_bought(shared, monkeypatch):
    monkeypatch.setenv("PROVISIONER_STATE", required_server().url("missing"))
    said = shared.assert_fails("apply", "--auto-approve", code="store-login")
    assert PASSWORD not in said.text
    assert "Traceback" not in said.text
    assert shared.bought() == []


def test_doctor_examines_the_database(shared):
    said = shared.run("doctor").text
    assert "PostgreSQL" in said
    assert "fsync is off" in said
    assert PASSWORD not in said


def test_a_state_moves_from_a_folder_into_the_database_and_on_to_another_folder(applied, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    url = parsed(new_url(required_server())).shown.replace("://", "://owner@")
    shown = url.replace("owner@", "")
    moved = applied.run("state", "migrate", "--to", url)
    assert moved.code == 0, moved.text
    assert f"`state: {shown}`" in moved.out
    assert shown in applied.assert_fails("plan", code="state-relocated").stderr_text
    assert "No changes" in applied.run("plan", "--state", url).out
    assert "(moved already)" in applied.run("state", "migrate", "--to", url).out
    assert applied.run("state", "pull", "--state", url, "--out", "demo.pull").code == 0
    applied.assert_fails("state", "push", "demo.pull", "--state", url, code="state-exists")
    assert applied.run("state", "migrate", "--state", url, "--to", "back").code == 0
    applied.assert_fails("plan", "--state", url, code="state-relocated")
    assert "state moved" in applied.run("history", "--state", url).out
    assert "No changes" in applied.run("plan", "--state", "back").out
    assert applied.bought() == ["gateway"]
