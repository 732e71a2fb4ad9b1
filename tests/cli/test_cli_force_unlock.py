"""A lock that seems to be in the way: told how it ends, never taken away, and nothing is changed."""

import json
import os
import socket
import subprocess
import sys

import pytest
from support.builders import IDENTITY, a_purchase, an_intent
from support.memory_backend import SHORT, MemoryBackend, Place

from provisioner.model.flow import Effect
from provisioner.model.journal import Intended, RunStarted
from provisioner.store import StateStore, open_store
from provisioner.store.shared_store import SharedStore
from provisioner.workflow import state_places


@pytest.fixture
def held(applied):
    """Another run holds the lock, and has sent a purchase and a release that are not answered."""
    with open_store(applied.state, "demo").write(command="apply", who="ana@laptop", timeout=0) as session:
        session.append(
            [
                Intended(an_intent("second")),
                Intended(an_intent("gateway", id="r-1", effect=Effect.DESTRUCTIVE, target_id="id-1")),
            ]
        )
        yield open_store(applied.state, "demo").holder()


def test_a_free_lock_has_nothing_to_unlock(applied) -> None:
    said = applied.assert_fails("force-unlock", "0123456789ab", code="lock-free").stderr_text
    assert "nobody holds the lock" in said
    assert "run the same command again" in said


def test_before_the_first_run_there_is_no_lock_either(cli) -> None:
    cli.assert_fails("force-unlock", "0123456789ab", code="lock-free")


def test_an_unknown_id_is_told_apart_from_the_lock_that_is_held(applied, held) -> None:
    said = applied.assert_fails("force-unlock", "0123456789ab", code="lock-unknown").stderr_text
    assert "'0123456789ab' is not the lock that is held" in said
    assert f"its id is {held.id}" in said
    assert f"process {os.getpid()}" in said


def test_a_live_holder_keeps_its_lock_and_is_named_with_the_way_to_end_it(applied, held) -> None:
    lock = (applied.state / "demo.lock").read_bytes()
    said = applied.assert_fails("force-unlock", held.id, code="lock-live", exit_code=5).stderr_text
    assert "is not taken away from a live process: ana@laptop: `apply`" in said
    assert f"kill {os.getpid()}" in said
    assert "Nothing was changed." in said
    assert (applied.state / "demo.lock").read_bytes() == lock
    assert open_store(applied.state, "demo").holder() == held


def test_the_calls_of_a_live_holder_are_in_flight(applied, held) -> None:
    ran = applied.assert_fails("force-unlock", held.id, code="lock-live", exit_code=5)
    assert ran.err.count("Warning[in-flight]") == 2
    assert "still open: purchase of " in ran.err
    assert "in-doubt" not in ran.err


def test_the_calls_that_a_dead_holder_left_open_stay_and_are_explained(applied) -> None:
    with open_store(applied.state, "demo").write(command="apply", who="ana@laptop", timeout=0) as session:
        paying = an_intent("third", id="p-1", effect=Effect.PAYMENT, target_id="CS1")
        session.append(
            [
                Intended(an_intent("second")),
                Intended(an_intent("gateway", id="r-1", effect=Effect.DESTRUCTIVE, target_id="id-1")),
                Intended(paying),
            ]
        )
        lock = open_store(applied.state, "demo").holder().id
    said = applied.assert_fails("force-unlock", lock, code="lock-free").stderr_text
    assert (said.count("Warning[in-doubt]"), said.count("Warning[unsettled]")) == (1, 2)
    assert "looks for what was bought and adopts it" in said
    assert "release or other change of gateway (id-1)" in said
    assert "payment of third (CS1)" in said
    assert "none is paid twice" in said
    assert "outcome not known: purchase of second" in said


def test_a_holder_on_another_machine_is_explained_honestly(applied, held, monkeypatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
    said = applied.assert_fails("force-unlock", held.id, code="lock-live", exit_code=5).stderr_text
    assert "is held from another machine by ana@laptop" in said
    assert "Do not remove or replace the lock file" in said


def test_a_lock_that_outlives_its_process_is_explained(applied) -> None:
    """The process has ended and a child of its own still has the lock."""
    inherit = (
        "import fcntl, json, os, sys\n"
        "lock = os.open(sys.argv[1], os.O_RDWR)\n"
        "fcntl.flock(lock, fcntl.LOCK_EX)\n"
        "if os.fork():\n    os._exit(0)\n"
        "print(os.getpid(), flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", inherit, str(applied.state / "demo.lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        process.stdout.readline()
        process.wait()
        holder = {
            "who": "ana",
            "pid": process.pid,
            "host": socket.gethostname(),
            "command": "apply",
            "since": 1,
            "id": "x",
        }
        (applied.state / "demo.lock").write_text(json.dumps(holder))
        said = applied.assert_fails("force-unlock", "x", code="lock-live", exit_code=5).stderr_text
        process.stdin.close()
    assert "outlives its process" in said
    assert f"fuser -v {applied.state / 'demo.lock'}" in said


def test_a_holder_of_an_older_version_has_no_id(applied, held) -> None:
    older = {"who": "eve", "pid": 7, "host": "far", "command": "apply", "since": 1_700_000_000_000}
    (applied.state / "demo.lock").write_text(json.dumps(older))
    assert "it has no id" in applied.assert_fails("force-unlock", held.id, code="lock-unknown").stderr_text


def test_a_damaged_state_hides_no_refusal(applied, held) -> None:
    (applied.state / "demo.json").write_bytes(b"")
    said = applied.assert_fails("force-unlock", held.id, code="lock-live", exit_code=5).stderr_text
    assert "Error[state-damaged]" in said


@pytest.mark.parametrize("lock_id", ["", " ", "\x1b[31m", "../demo", "0" * 5000])
def test_whatever_is_typed_is_an_unknown_id(applied, held, lock_id: str) -> None:
    ran = applied.assert_fails("force-unlock", lock_id, code="lock-unknown")
    assert "\x1b" not in ran.err


def test_an_id_is_needed(cli) -> None:
    ran = cli.run("force-unlock")
    assert ran.code == 1
    assert "ID" in ran.err


def test_a_lease_ends_by_itself_and_nothing_is_said_of_files(cli, monkeypatch) -> None:
    store = StateStore(SharedStore(MemoryBackend(Place()), "demo"))
    monkeypatch.setattr(state_places, "open_store", lambda *_, **__: store)
    with store.write(command="apply", who="ana@laptop", timeout=0, reason="rollout of v2") as session:
        session.create("demo", None, identity=IDENTITY)
        session.append([Intended(an_intent("second"))])
        ran = cli.run("force-unlock", store.holder().id)
    assert ran.code == 5
    for part in (
        'held by ana@laptop: `apply` ("rollout of v2")',
        "its lock ends 90 seconds after",
        "still open: purchase of second",
    ):
        assert part in ran.stderr_text
    assert "file" not in ran.stderr_text
    ended = cli.run("force-unlock", "0123456789ab")
    assert (ended.code, "Error[lock-free]" in ended.err) == (1, True)


def test_a_lock_that_is_held_by_a_lease_is_refused_with_how_far_its_run_is(cli, monkeypatch) -> None:
    """The second run watches until it sees a renewal."""
    place = Place()
    stores = [StateStore(SharedStore(MemoryBackend(place), "demo", terms=SHORT)) for _ in range(2)]
    monkeypatch.setattr(state_places, "open_store", lambda *_, **__: stores[1])
    with stores[0].write(command="apply", who="ana@laptop", timeout=0, reason="rollout of v2") as session:
        session.create("demo", None, identity=IDENTITY)
        session.append([RunStarted("run-1", "apply", "ana@laptop", "0.1.0", planned={"create": 2})])
        session.append(a_purchase("one"))
        ran = cli.run("apply", "--auto-approve")
    assert ran.code == 5
    assert '`apply` ("rollout of v2"), process ' in ran.stderr_text
    assert "1 of 2 done" in ran.stderr_text
    assert "watching for a sign of life" in ran.stderr_text
    assert "`provisioner progress` follows it" in ran.stderr_text
