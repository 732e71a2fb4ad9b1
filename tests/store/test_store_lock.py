"""One writer at a time, whoever dies, looks or waits."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.builders import IDENTITY, a_purchase, an_address
from support.disks import FailingDisk
from support.stores import folder_store

from provisioner.model.diagnostic import LockHeld, StoreError
from provisioner.store import LockHolder, open_store
from provisioner.store.clock import StoreClock

HOLD = """
import sys
from provisioner.store import open_store
with open_store(sys.argv[1], "demo.dev").write(command="apply", who="bob@build", timeout=0):
    print("held", flush=True)
    sys.stdin.read()
"""
APPLY = """
import sys, os
from support.builders import IDENTITY, a_purchase
from provisioner.store import open_store
with open_store(sys.argv[1], "demo.dev").write(command="apply", who="me", timeout=60) as session:
    if session.state is None:
        session.create("demo", "dev", identity=IDENTITY)
    session.append(a_purchase("server-" + sys.argv[2]))
    session.checkpoint()
"""


@pytest.fixture
def another(folder):
    """A process that holds the lock until its input ends or it is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


class MovedClock:
    """Time passes only while somebody sleeps."""

    def __init__(self, on_sleep=lambda: None):
        self.seconds = 0.0
        self.on_sleep = on_sleep

    def sleep(self, seconds):
        self.seconds += seconds
        self.on_sleep()

    def clock(self):
        return StoreClock(now=lambda: 1_700_000_000_000, elapsed=lambda: self.seconds, sleep=self.sleep)


def test_the_holder_is_named_to_whoever_asks(store, another):
    holder = store.holder()
    assert (holder.who, holder.pid, holder.command) == ("bob@build", another.pid, "apply")


def test_a_second_writer_is_told_who_is_at_work_and_what_to_do(store, another):
    with pytest.raises(LockHeld) as caught, store.write(command="apply", who="ana", timeout=0):
        pytest.fail("two writers at once")
    (finding,) = caught.value.diagnostics
    assert finding.code == "lock-held"
    for part in ("bob@build", f"process {another.pid}", "`apply`", "since 20", "UTC"):
        assert part in finding.summary
    assert "--lock-timeout" in finding.hint


def test_every_hold_of_the_lock_has_an_id_of_its_own(store):
    ids = set()
    for _ in range(3):
        with store.write(command="apply", who="ana", timeout=0):
            ids.add(store.holder().id)
    assert len(ids) == 3
    assert all(len(each) == 12 for each in ids)


def test_the_refused_writer_is_told_the_id_and_ends_the_process_that_has_it(store, another):
    with pytest.raises(LockHeld) as caught, store.write(command="apply", who="ana", timeout=0):
        pytest.fail("two writers at once")
    (finding,) = caught.value.diagnostics
    assert f"lock {store.holder().id} in " in finding.detail
    assert "stop it: the lock ends with it" in finding.hint
    assert "force-unlock" not in finding.hint


def test_a_holder_on_another_machine_is_asked_about_with_force_unlock(store, another, monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
    with pytest.raises(LockHeld) as caught, store.write(command="apply", who="ana", timeout=0):
        pytest.fail("two writers at once")
    assert f"provisioner force-unlock {store.holder().id}" in caught.value.diagnostics[0].hint


def test_a_lock_file_of_an_older_version_has_no_id_and_is_understood(store, folder):
    with store.write(command="apply", who="ana", timeout=0):
        older = {"who": "eve", "pid": 7, "host": "far", "command": "apply", "since": 1_700_000_000_000}
        (folder / "demo.dev.lock").write_text(json.dumps(older))
        assert store.holder() == LockHolder(**older)
        with pytest.raises(LockHeld) as caught, store.write(command="apply", who="bob", timeout=0):
            pytest.fail("two writers at once")
    assert "eve is at work" in str(caught.value)
    assert "force-unlock" not in caught.value.diagnostics[0].hint


@pytest.mark.parametrize("since", [-1, 10**15, 10**30])
def test_a_holder_that_began_at_no_time_is_no_name(store, folder, since):
    with store.write(command="apply", who="ana", timeout=0):
        odd = {"who": "eve", "pid": 7, "host": "far", "command": "apply", "since": since}
        (folder / "demo.dev.lock").write_text(json.dumps(odd))
        assert store.holder().who == "someone"


def test_reading_needs_no_lock(store, another):
    assert store.load() is None
    assert list(store.history()) == []


def test_death_frees_the_lock(store, another):
    another.send_signal(signal.SIGKILL)
    another.wait()
    assert store.holder() is None
    with store.write(command="apply", who="ana", timeout=0) as session:
        assert session.state is None


def test_a_writer_waits_says_so_and_gets_its_turn(folder, another):
    time = MovedClock()
    seen = []

    def waiting(wait):
        seen.append((wait.holder.pid, wait.waited))
        if len(seen) == 3:
            another.kill()
            another.wait()

    with folder_store(folder, "demo.dev", clock=time.clock()).write(
        command="apply", who="ana", timeout=60, on_wait=waiting
    ) as session:
        assert session.state is None
    assert seen == [(another.pid, 0.0), (another.pid, 0.25), (another.pid, 0.5)]


def test_a_writer_stops_waiting_when_its_time_is_over(folder, another):
    time = MovedClock()
    store = folder_store(folder, "demo.dev", clock=time.clock())
    with pytest.raises(LockHeld), store.write(command="apply", who="ana", timeout=10.1):
        pytest.fail("two writers at once")
    assert time.seconds == pytest.approx(10.1)


def test_the_lock_is_free_after_the_run_and_after_a_run_that_failed(store):
    with pytest.raises(RuntimeError), store.write(command="apply", who="ana", timeout=0):
        raise RuntimeError
    assert store.holder() is None
    with store.write(command="apply", who="ana", timeout=0):
        assert store.holder().who == "ana"
    assert store.holder() is None


def test_what_a_dead_holder_left_in_the_file_means_nothing(store, folder):
    folder.mkdir()
    stale = {"who": "eve", "pid": 1, "host": "far", "command": "apply", "since": 4_070_908_800_000}
    (folder / "demo.dev.lock").write_text(json.dumps(stale))
    assert store.holder() is None
    with store.write(command="apply", who="ana", timeout=0):
        assert store.holder().who == "ana"


def test_a_holder_that_cannot_be_named_still_holds(store, folder):
    with store.write(command="apply", who="ana", timeout=0):
        (folder / "demo.dev.lock").write_bytes(b"\xff{")
        assert store.holder().who == "someone"
        with pytest.raises(LockHeld), store.write(command="apply", who="eve", timeout=0):
            pytest.fail("two writers at once")


def test_many_looks_never_keep_a_writer_out(store):
    stop = False

    def look():
        while not stop:
            store.holder()

    with ThreadPoolExecutor(3) as lookers:
        for _ in range(3):
            lookers.submit(look)
        try:
            for _ in range(100):
                with store.write(command="apply", who="ana", timeout=0):
                    pass
        finally:
            stop = True


def test_a_lock_on_a_file_that_was_replaced_is_not_taken_for_one(folder, another):
    """The name moves to a new file while a writer is between opening it and locking it."""
    lock = folder / "demo.dev.lock"

    class Swapping(FailingDisk):
        swaps = 0

        def size_if_named(self, descriptor, path):
            if path == lock and not self.swaps:
                self.swaps += 1
                lock.rename(folder / "moved")
                lock.touch()
            return super().size_if_named(descriptor, path)

    another.kill()
    another.wait()
    disk = Swapping(0, 0)
    with folder_store(folder, "demo.dev", disk=disk).write(command="apply", who="ana", timeout=0):
        assert disk.swaps == 1
        assert open_store(folder, "demo.dev").holder().who == "ana"


@pytest.mark.parametrize("error_number", [errno.EROFS, errno.EACCES, errno.ENOSPC, errno.ELOOP])
def test_without_a_lock_no_run_begins(folder, error_number):
    for step in (1, 2, 3, 4):
        disk = FailingDisk(step, error_number)
        with (
            pytest.raises(StoreError) as caught,
            folder_store(folder, "demo.dev", disk=disk).write(command="apply", who="ana", timeout=0),
        ):
            pytest.fail("a run began without a lock")
        assert os.strerror(error_number) in str(caught.value)
        assert not isinstance(caught.value, LockHeld)
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def test_a_file_system_without_locks_is_no_place_for_a_state(store, monkeypatch):
    def unsupported(descriptor, how):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with pytest.raises(StoreError) as caught, store.write(command="apply", who="ana", timeout=0):
        pytest.fail("a run began without a lock")
    assert caught.value.diagnostics[0].code == "lock-unusable"
    assert "flock" in caught.value.diagnostics[0].hint


def test_a_run_that_begins_after_another_sees_all_of_it(folder):
    """Eight processes at once, each with a first run's chance to invent a lineage of its own."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    runs = [
        subprocess.Popen([sys.executable, "-c", APPLY, str(folder), str(number)], env=environment)
        for number in range(8)
    ]
    assert [run.wait() for run in runs] == [0] * 8
    state = open_store(folder, "demo.dev").load()
    assert set(state.resources) == {an_address(f"server-{number}") for number in range(8)}
    assert state.serial == 9
    assert state.identity == IDENTITY


def test_purchases_of_two_stores_in_one_folder_do_not_meet(folder):
    for label, environment in (("demo.dev", "dev"), ("demo.prod", "prod")):
        with open_store(folder, label).write(command="apply", who="ana", timeout=0) as session:
            session.create("demo", environment, identity=IDENTITY)
            session.append(a_purchase(f"only-in-{environment}"))
            session.checkpoint()
    assert set(open_store(folder, "demo.dev").load().resources) == {an_address("only-in-dev")}
