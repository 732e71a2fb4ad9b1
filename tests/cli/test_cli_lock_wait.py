"""Waiting for another run to end: a line that is replaced on a terminal, a line from time to time in a log."""

import json
from dataclasses import replace

import pytest
from support.builders import IDENTITY, a_purchase, an_intent
from support.memory_backend import MemoryBackend, Place
from support.stores import folder_store

from provisioner.cli.apply_ui import ConsoleApplyUI
from provisioner.cli.console import Console
from provisioner.cli.lock_wait_ui import LockWaitUI
from provisioner.model.diagnostic import LockHeld
from provisioner.model.journal import Intended, RunStarted
from provisioner.store import LockHolder, LockWaitStatus, StateStore, open_store
from provisioner.store.clock import StoreClock
from provisioner.store.lease_record import LeaseTerms
from provisioner.store.shared_store import SharedStore


class MovedClock:
    """Time passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def clock(self) -> StoreClock:
        return StoreClock(now=lambda: 1_700_000_000_000, elapsed=lambda: self.seconds, sleep=self.sleep)


@pytest.fixture
def wait_in_vain(tmp_path, capsys, monkeypatch):
    """What stderr says while a run waits this many seconds for a lock that does not become free."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")

    def wait(seconds: float, *, on_terminal: bool = True) -> str:
        if on_terminal:
            be_terminal(monkeypatch)
        console = Console()
        ui = ConsoleApplyUI(console, auto_approve=True, may_ask=False, lock_timeout=seconds)
        store = folder_store(tmp_path, "demo", clock=MovedClock().clock())
        with (
            open_store(tmp_path, "demo").write(command="apply", who="ana\x1b[2J@laptop", timeout=0),
            pytest.raises(LockHeld),
            store.write(command="apply", who="bob", timeout=seconds, on_wait=ui.on_lock_wait),
        ):
            pytest.fail("two writers at once")
        console.message("The end.")
        return capsys.readouterr().err

    return wait


def be_terminal(monkeypatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)


def waits(lines: list[str]) -> list[str]:
    return [line.rpartition("; waited ")[2] for line in lines]


def test_a_log_has_a_line_at_the_start_and_one_every_ten_seconds_then_one_a_minute(wait_in_vain) -> None:
    *lines, end = wait_in_vain(130, on_terminal=False).splitlines()
    ten_seconds = [f"{waited} of 2m10s" for waited in ("0s", "10s", "20s", "30s", "40s", "50s", "1m00s")]
    assert waits(lines) == [*ten_seconds, "2m00s of 2m10s"]
    assert all(line.startswith("ana\\u001b[2J@laptop is at work: apply, since ") for line in lines)
    assert end == "The end."


def test_a_terminal_has_one_line_that_is_rewritten_every_second(wait_in_vain) -> None:
    said = wait_in_vain(75)
    assert said.count("\n") == 1
    first, *others = said.split("\r\x1b[2K")
    assert waits([first, *others[:-1]]) == [
        *(f"{second}s of 1m15s" for second in range(60)),
        *(f"1m{second:02}s of 1m15s" for second in range(15)),
    ]
    assert others[-1] == "The end.\n", "what is said next takes the line's place"


def test_a_terminal_that_cannot_move_is_a_log(wait_in_vain, monkeypatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert "\r" not in wait_in_vain(25)


def test_the_line_fits_and_keeps_what_changes(wait_in_vain, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    parts = wait_in_vain(3).split("\r\x1b[2K")
    assert max(map(len, parts)) <= 40
    assert parts[0].startswith("waited 0s of 3s; ")


def test_a_result_does_not_stand_behind_a_countdown(capsys) -> None:
    console = Console()
    console.show_transient("soon")
    console.write("result\n")
    captured = capsys.readouterr()
    assert (captured.err, captured.out) == ("soon\r\x1b[2K", "result\n")


HOLDER = LockHolder("ana@laptop for pipeline 123", 7, "laptop", "apply", 1_700_000_000_000, "ab12", "rollout of v2")


class LogOfLines:
    """A console whose stderr is a log. It is told a wait's state at each moment."""

    def __init__(self, capsys, timeout: float, **options) -> None:
        self.capsys = capsys
        self.ui = LockWaitUI(Console(), timeout, now=lambda: HOLDER.since + 60_000, **options)

    def tell(self, wait: LockWaitStatus) -> str:
        self.ui.on_lock_wait(wait)
        return self.capsys.readouterr().err


def test_the_line_says_who_does_what_why_since_when_and_how_far_it_is(tmp_path, capsys) -> None:
    """The numbers come from the journal that the holder writes meanwhile."""
    writer, reader = open_store(tmp_path, "demo"), open_store(tmp_path, "demo")
    log = LogOfLines(capsys, 600)
    with writer.write(command="apply", who="ana@laptop", timeout=0, reason="rollout of v2") as session:
        session.create("demo", None, identity=IDENTITY)
        session.append([RunStarted("run-1", "apply", "ana@laptop", "0.1.0", planned={"create": 500})])
        session.append([*a_purchase("one"), *a_purchase("two"), Intended(an_intent("three"))])
        watch, holder = reader.watch_run(), reader.holder()
        wait = LockWaitStatus(replace(holder, since=HOLDER.since), 80.0, progress=watch.progress(holder))
        assert log.tell(wait) == (
            'ana@laptop is at work: apply ("rollout of v2"), since 22:13 UTC, 2 of 500 done, 1 under way; waited 1m20s of 10m00s\n'
        )
        with pytest.raises(LockHeld) as caught, reader.write(command="apply", who="bob", timeout=0):
            pytest.fail("two writers at once")
    assert '`apply` ("rollout of v2"), process ' in str(caught.value)
    assert str(caught.value).endswith("UTC, 2 of 500 done, 1 under way")


def test_a_holder_that_has_begun_nothing_is_no_run_before_it(tmp_path) -> None:
    store = open_store(tmp_path, "demo")
    with store.write(command="apply", who="ana@laptop", timeout=0) as session:
        session.create("demo", None, identity=IDENTITY)
        session.append([RunStarted("run-1", "apply", "ana@laptop", "0.1.0", planned={"create": 2})])
    with store.write(command="apply", who="ana@laptop", timeout=0):
        holder = store.holder()
        later = replace(holder, since=holder.since + 1)  # both may begin within one millisecond
        assert store.watch_run().progress(later) is None


def test_a_lease_is_watched_and_the_take_over_is_announced(capsys) -> None:
    log = LogOfLines(capsys, 0)
    watched = LockWaitStatus(HOLDER, 0.0, silent_for=0.0, taken_over_in=90.0, is_alive=False)
    assert "; waited 0s; watching for a sign of life, and without one the lock is taken over in 1m30s" in log.tell(
        watched
    )
    alive = replace(watched, is_alive=True, waited=10.0, silent_for=20.0, taken_over_in=70.0)
    assert log.tell(alive).endswith("; waited 10s\n")
    silent = replace(alive, waited=20.0, silent_for=40.0, taken_over_in=50.0)
    assert log.tell(silent).endswith("; waited 20s; no sign of life for 40s, the lock is taken over in 50s\n")
    assert log.tell(replace(silent, is_taken_over=True, waited=20.1)) == (
        "Took over the lock of ana@laptop for pipeline 123 (apply), who showed no sign of life. "
        "What that run left open is looked for.\n"
    )


def test_a_dead_holder_of_a_lease_is_watched_and_taken_over_by_the_store() -> None:
    place, clock, told = Place(), MovedClock(), []
    backend = MemoryBackend(place)
    backend.wait = lambda _label, seconds: clock.sleep(seconds)
    terms = LeaseTerms()
    store = SharedStore(backend, "demo", clock=clock.clock(), terms=terms)
    store._lease.take(HOLDER, timeout=0, on_wait=None)  # and it dies
    with StateStore(store, clock=clock.clock()).write(command="apply", who="bob", timeout=0, on_wait=told.append):
        pass
    assert [wait.taken_over_in for wait in told[:3]] == [90.0, 89.0, 88.0]
    assert not any(wait.is_alive or wait.is_taken_over for wait in told[:-1])
    assert (told[-1].is_taken_over, told[-1].holder) == (True, HOLDER)
    assert told[-1].waited == pytest.approx(90.0)


def test_a_json_stream_has_the_wait_as_events(capsys) -> None:
    documents: list[dict] = []
    log = LogOfLines(capsys, 600, stream=documents.append)
    for waited in (0.0, 1.0, 10.0):
        assert log.tell(LockWaitStatus(HOLDER, waited, 0.0, 90.0)) == ""
    log.tell(LockWaitStatus(HOLDER, 11.0, is_taken_over=True))
    assert [(one["type"], one["waited_seconds"]) for one in documents] == [
        ("lock_wait", 0.0),
        ("lock_wait", 10.0),
        ("lock_taken_over", 11.0),
    ]
    assert documents[0]["holder"] == {
        "who": "ana@laptop for pipeline 123",
        "command": "apply",
        "reason": "rollout of v2",
        "host": "laptop",
        "pid": 7,
        "since": "2023-11-14T22:13:20.000Z",
        "id": "ab12",
    }
    assert (documents[0]["timeout_seconds"], documents[0]["taken_over_in_seconds"]) == (600, 90.0)


def test_a_reader_of_an_older_version_ignores_the_reason_and_a_newer_one_does_without_it(tmp_path) -> None:
    """The lock file has no format number: what a version does not know, it ignores."""
    store = open_store(tmp_path, "demo")
    with store.write(command="apply", who="ana", timeout=0, reason="why"):
        assert store.holder().reason == "why"
        file = tmp_path / "demo.lock"
        written = json.loads(file.read_bytes())
        file.write_text(json.dumps({**written, "from a later version": 1}))
        assert store.holder().reason == "why"
        del written["reason"]
        file.write_text(json.dumps(written))
        assert store.holder().reason == ""


def test_who_looks_again_and_again_learns_that_the_holder_of_a_lease_is_dead() -> None:
    """Without a store that tells how old a record is, nobody can know at the first look."""
    clock, backend = MovedClock(), MemoryBackend(Place())
    store = SharedStore(backend, "demo", clock=clock.clock())
    held = store._lease.take(HOLDER, timeout=0, on_wait=None)
    looker = SharedStore(backend, "demo", clock=clock.clock())
    for seconds, is_named in ((0, True), (80, True), (80, True), (89, True), (1, False)):
        clock.sleep(seconds)
        assert (looker.holder() == HOLDER) is is_named
        if clock.seconds == 80:
            held.renew()
    assert SharedStore(backend, "demo", clock=clock.clock()).holder() == HOLDER
