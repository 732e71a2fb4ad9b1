"""A long reading is told where nothing else is."""

from __future__ import annotations

import pytest

from provisioner.cli import console as console_module
from provisioner.cli.console import Console
from provisioner.model.address import Address
from provisioner.model.event import Event, EventType

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
