"""What the console asks of the terminal."""

from __future__ import annotations

import io
import sys

from provisioner.cli.console import Console
from provisioner.model.address import Address
from provisioner.model.event import Event, EventType


class Terminal(io.StringIO):
    asked = 0

    def isatty(self) -> bool:
        self.asked += 1
        return False


def test_a_thousand_events_ask_the_terminal_once(monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    console = Console()
    for index in range(1_000):
        console.show_event(Event(EventType.STARTED, address=Address("trainer", index)))
    assert terminal.asked == 1


def test_another_stream_is_asked_anew(monkeypatch):
    console = Console()
    for _ in range(2):
        monkeypatch.setattr(sys, "stderr", terminal := Terminal())
        console.show_event(Event(EventType.STARTED, address=Address("trainer", 0)))
        assert terminal.asked == 1
