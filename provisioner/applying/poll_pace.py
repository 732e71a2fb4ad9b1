"""Decides how long the list poll rests between two readings. It stands in a file of its own, apart from the protocol of
the poll.
"""

from __future__ import annotations

from typing import Final

from provisioner.applying.ports import ClockPort

PAUSES: Final = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0)
"""Seconds between the readings of one wait. The first two are short, because some servers run within tenths of a
second.
"""
STEADY: Final = PAUSES[2]
"""The rest, in seconds, while new waiters keep coming."""
COOLDOWN: Final = 0.1
"""The rest, in seconds, after a reading that answered everybody: servers that run at once must not cost a
reading each.
"""

_SHORT_RESTS, _PERIOD = 10, 10.0
"""How many rests may be shorter than STEADY within how many seconds, so that readings grow with time and not with the
waiters.
"""
_DELAY_FACTOR = 8
"""New waiters may put the next reading off by this many times what the last one took: a list of thousands is read
seldom.
"""


class PollPace:
    """The pace of one list poll."""

    def __init__(self, clock: ClockPort) -> None:
        self._clock = clock
        self._step = 0
        self._short_rests = 0
        self._since = clock.monotonic()

    def restart(self) -> None:
        """Starts with short pauses again: somebody waits after nobody did."""
        self._step = 0

    def note_arrival(self) -> None:
        """Shortens the pauses to STEADY: a new waiter has joined others."""
        self._step = min(self._step, PAUSES.index(STEADY))

    def pause(self) -> float:
        """Returns the seconds until the next reading. Each pause is longer than the one before."""
        step, self._step = self._step, min(self._step + 1, len(PAUSES) - 1)
        return self._bounded(PAUSES[step])

    def cooldown(self) -> float:
        """Returns the seconds to rest after a reading that answered everybody."""
        return self._bounded(COOLDOWN)

    def max_delay(self, took: float) -> float:
        """Returns for how many seconds new waiters may put the next reading off, if the last one took
        `took` seconds.
        """
        return min(took * _DELAY_FACTOR, PAUSES[-1])

    def _bounded(self, pause: float) -> float:
        now = self._clock.monotonic()
        if now - self._since >= _PERIOD:
            self._since, self._short_rests = now, 0
        self._short_rests += pause < STEADY
        return pause if self._short_rests <= _SHORT_RESTS else max(pause, STEADY)
