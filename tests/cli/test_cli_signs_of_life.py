"""A long reading is told where nothing else is, and on a terminal after half a second."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from itertools import chain, count, repeat
from types import SimpleNamespace

import pytest

from provisioner.applying.cloud_reading import read_listing
from provisioner.cli import console as console_module
from provisioner.cli import options
from provisioner.cli.command_line import run
from provisioner.cli.console import Console, console
from provisioner.cli.main import catalogue
from provisioner.cloud import connection
from provisioner.model.address import Address
from provisioner.model.event import Event, EventType
from provisioner.model.reading_progress import ReadingProgress
from provisioner.rendering.progress import step_line

READING = Event(EventType.READING, detail="GET /pages", requests=57, elapsed=50)
OF_WORK = Event(EventType.WAITING, Address("alpha"), detail="CREATING", elapsed=10)


@pytest.fixture
def time(monkeypatch):
    class Time:
        now = 100.0

        def monotonic(self):
            return self.now

    clock = Time()
    monkeypatch.setattr(console_module, "time", clock)
    return clock


@pytest.mark.parametrize(
    ("before", "seconds", "is_told"), [(None, 0, True), ("word", 5, False), ("word", 10, True), ("work", 12, False)]
)
def test_a_reading_is_told_only_after_silence(time, capsys, before, seconds, is_told):
    console = Console(no_color=True)
    if before == "word":
        console.message("a word")
    elif before == "work":
        assert console.is_worth_showing(OF_WORK)
    time.now += seconds
    console.show_event(READING)
    assert ("Still reading from the cloud: 57 requests in 50s" in capsys.readouterr().err) is is_told


class Screen(io.StringIO):
    """A terminal that can rewrite its last line."""

    def isatty(self) -> bool:
        return True

    @property
    def steps(self) -> list[str]:
        """What was shown for a time only."""
        parts = self.getvalue().split(ERASE)
        return [part.rsplit("\n", 1)[-1] for part in parts[:-1]]

    @property
    def remaining(self) -> str:
        """What is still there in the end."""
        parts = self.getvalue().split(ERASE)
        return "".join(part[: part.rfind("\n") + 1] for part in parts[:-1]) + parts[-1]


ERASE = "\r\x1b[2K"
READING_COMMANDS = {
    "validate": "specs",
    "plan": "specs / state / cloud / servers / comparing",
    "apply --auto-approve": "specs / state / cloud / servers / comparing",
    "apply --refresh-only --auto-approve": "specs / state / cloud / servers / public addresses / comparing",
    "drift": "specs / state / cloud / servers / comparing",
    "adopt": "specs / state / cloud / servers",
    "import gateway no-such-id": "specs / state",
    "state rebuild --force --auto-approve": "specs / state / cloud / servers",
    "orders list": "state / cloud / orders",
    "orders show gateway": "state / cloud / orders",
    "expiring": "state / cloud / paid",
    "resolve gateway --absent": "state / cloud / servers",
    "credentials": "cloud",
    "show": "state",
    "state list": "state",
    "state show gateway": "state",
    "output": "state",
    "inventory --format env": "state",
    "history": "state / history",
    "destroy --auto-approve": "specs / state / cloud / servers / comparing / sold",
}


@pytest.fixture
def watched(cli, monkeypatch):
    """Runs a command that somebody watches, with a clock that goes on by a second whenever it is asked."""
    seconds = count()
    ticking = SimpleNamespace(monotonic=lambda: float(next(seconds)))

    def watched(*arguments: str, out: io.StringIO | None = None, screen: io.StringIO | None = None, clock=ticking):
        with monkeypatch.context() as patched:
            patched.setenv("TERM", "xterm")
            patched.setenv("NO_COLOR", "1")
            patched.setattr(sys, "stdout", out or io.StringIO())
            patched.setattr(sys, "stderr", screen := screen or Screen())
            patched.setattr(console_module, "time", clock)
            console.cache_clear()
            run(arguments, catalogue)
        return screen

    return watched


def test_every_command_says_what_it_reads_and_leaves_nothing_of_it(applied, watched):
    for command, wanted in READING_COMMANDS.items():
        screen = watched(*command.split())
        said = iter(screen.steps)
        for word in wanted.split(" / "):
            assert any(word in step.lower() for step in said), (command, word, screen.steps)
        assert "Reading the" not in screen.remaining, command
        assert "..." not in screen.remaining.replace("Destroying...", ""), (command, screen.remaining)


def test_half_a_second_passes_before(applied, watched):
    for seconds, is_shown in ((0.4, False), (0.5, True)):
        times = chain([0.0], repeat(seconds))
        clock = SimpleNamespace(monotonic=lambda times=times: next(times))
        assert bool(watched("plan", clock=clock).steps) is is_shown


def test_a_step_is_not_drawn_more_often_than_ten_times_a_second(time, monkeypatch):
    monkeypatch.setattr(sys, "stderr", screen := Screen())
    console = Console()
    progress = ReadingProgress(console.show_step)
    time.now += 1
    progress.begin("Reading public addresses", total=1_000)
    for _ in range(1_000):
        time.now += 0.001
        progress.advance()
    console.clear_transient()
    assert 9 <= len(screen.steps) <= 12
    assert screen.steps[0] == "Reading public addresses... 0 of 1,000, 1s"


@pytest.mark.parametrize(
    ("variables", "arguments", "out", "screen"),
    [
        ({}, (), None, io.StringIO),
        ({"TERM": "dumb"}, (), None, Screen),
        ({"PROVISIONER_IN_AUTOMATION": "1"}, (), None, Screen),
        ({"PROVISIONER_LOG": "info"}, (), None, Screen),
        ({}, ("--json",), Screen, Screen),
    ],
    ids=["no terminal", "dumb", "automation", "log", "json on the same terminal"],
)
def test_where_nobody_watches_nothing_is_shown(applied, watched, monkeypatch, variables, arguments, out, screen):
    monkeypatch.setattr(options, "start_log", lambda _level: None)  # it would log for all tests of this process
    real = monkeypatch.setenv
    monkeypatch.setattr(
        monkeypatch.__class__, "setenv", lambda self, name, value: real(name, variables.get(name, value))
    )
    for name, value in variables.items():
        real(name, value)
    shown = watched("plan", *arguments, out=out and out(), screen=screen())
    assert "Reading" not in shown.getvalue()
    assert ERASE not in shown.getvalue()


def test_json_in_a_pipe_is_json_while_somebody_watches(applied, watched):
    out = io.StringIO()
    assert watched("plan", "--json", out=out).steps
    assert json.loads(out.getvalue())["applyable"] is False


def test_requests_are_counted_while_one_is_not_answered(monkeypatch):
    monkeypatch.setattr(connection, "_SECONDS_BETWEEN_COUNTS", 0)
    told = []
    network = SimpleNamespace(requests=0)

    async def wait() -> None:
        progress = ReadingProgress(told.append)
        progress.begin("Reading the servers")
        async with connection._counting_requests(network, progress):
            for requests in (1, 2):
                network.requests = requests
                for _ in range(5):
                    await asyncio.sleep(0)
            progress.end()
            told.append(None)
            for _ in range(5):
                await asyncio.sleep(0)

    asyncio.run(wait())
    assert told[-1] is None, "events tell what happens from now on"
    assert step_line(told[-2], 2.0) == "Reading the servers... 2 requests, 2s"


def test_servers_that_the_list_lacks_are_counted():
    def answer(value):
        return value
        yield

    told = []
    kind = SimpleNamespace(name="dev_server", noun="server", list=lambda: answer(()), show=lambda _id: answer(None))
    missing = [f"62383738-e52a-450a-9f84-f9e705402be{digit}" for digit in range(3)]
    asyncio.run(read_listing(kind, None, missing, progress=ReadingProgress(told.append)))
    assert [step_line(step, 0) for step in told] == [
        f"Asking for servers that the list lacks... {done} of 3" for done in range(4)
    ]
