"""Commands on a state in PostgreSQL: a folder that knows only the URL and the credentials goes on from another one."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import ExitStack

import pytest
from support.builders import a_purchase
from support.looking_commands import LOOKING
from support.postgres_server import PASSWORD, required_server
from support.postgres_stores import new_url, open_backend, parsed

from provisioner.model.journal import RunEnded, RunStarted
from provisioner.store import StateStore
from provisioner.store.shared_store import SharedStore


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


def test_every_command_that_looks_needs_a_role_that_may_only_read(shared, monkeypatch):
    assert shared.apply().code == 0
    server, url = required_server(), os.environ["PROVISIONER_STATE"]
    role = server.new_role()
    server.execute(open_backend(url).grants(role, read_only=True))
    monkeypatch.setenv("PROVISIONER_STATE", url.replace("owner:", f"{role}:"))
    for arguments in LOOKING:
        ran = shared.run(*arguments)
        assert ran.code == 0, (arguments, ran.text)
    shared.write_specs("servers: {gateway: {}, second: {}}\n")
    assert shared.run("apply", "--auto-approve").code == 1, "else the role proves nothing"
    assert shared.bought() == ["gateway"]


def test_a_run_on_another_machine_is_followed_to_its_end(shared, monkeypatch):
    """The other run goes on whenever the follower waits, so each wait has something to notice."""
    assert shared.apply().code == 0
    other = StateStore(SharedStore(open_backend(os.environ["PROVISIONER_STATE"]), "demo"))
    steps, wait, took = ExitStack(), StateStore.wait, []
    session = steps.enter_context(other.write(command="apply", who="bob@build", timeout=0, reason="more"))
    session.append([RunStarted("run-9", "apply", "bob@build", "0.1.0", planned={"create": 1})])
    entries = [[one] for one in (*a_purchase("second"), RunEnded("run-9", "ended"))]

    def go_on_and_wait(store: StateStore, seconds: float) -> None:
        if entries:
            session.append(entries.pop(0))
        else:
            steps.close()
        began = time.monotonic()
        wait(store, 30 * seconds)
        took.append(time.monotonic() - began)

    monkeypatch.setattr(StateStore, "wait", go_on_and_wait)
    followed = shared.run("progress", "--wait", "--json")
    assert followed.code == 0, followed.text
    assert [one["hook"]["id"] for one in followed.lines if one["type"] == "apply_complete"] == ["id-of-second"]
    runs = [one for one in followed.lines if one["type"] == "run_progress"]
    assert (runs[0]["holder"]["who"], runs[0]["holder"]["reason"]) == ("bob@build", "more")
    assert [one["progress"]["done"] for one in runs][-1] == 1
    assert max(took) < 5, "the database tells when something was appended"
