"""Waiting for another run to end: a countdown that is replaced on a terminal, a line from time to time in a log."""

import pytest
from support.stores import folder_store

from provisioner.cli.apply_ui import ConsoleApplyUI
from provisioner.cli.console import Console
from provisioner.model.diagnostic import LockHeld
from provisioner.store import open_store
from provisioner.store.clock import StoreClock


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


def test_a_log_has_a_line_at_the_start_and_one_every_ten_seconds(wait_in_vain) -> None:
    *lines, end = wait_in_vain(35, on_terminal=False).splitlines()
    assert [line.rpartition("giving up in ")[2] for line in lines] == ["35s", "25s", "15s", "5s"]
    assert all(line.startswith("Waiting for the lock, held by ana\\u001b[2J@laptop (apply, process ") for line in lines)
    assert end == "The end."


def test_a_terminal_has_one_line_that_counts_down_every_second(wait_in_vain) -> None:
    said = wait_in_vain(75)
    assert said.count("\n") == 1
    first, *others = said.split("\r\x1b[2K")
    assert "giving up in 1m15s" in first
    assert [line.rpartition("giving up in ")[2] for line in (first, *others[:-1])] == [
        *(f"1m{second:02}s" for second in range(15, -1, -1)),
        *(f"{second}s" for second in range(59, 0, -1)),
    ]
    assert others[-1] == "The end.\n", "what is said next takes the countdown's place"


def test_a_terminal_that_cannot_move_is_a_log(wait_in_vain, monkeypatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert "\r" not in wait_in_vain(25)


def test_a_countdown_fits_its_line(wait_in_vain, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    parts = wait_in_vain(3).split("\r\x1b[2K")
    assert max(map(len, parts)) <= 40


def test_a_result_does_not_stand_behind_a_countdown(capsys) -> None:
    console = Console()
    console.show_transient("soon")
    console.write("result\n")
    captured = capsys.readouterr()
    assert (captured.err, captured.out) == ("soon\r\x1b[2K", "result\n")
