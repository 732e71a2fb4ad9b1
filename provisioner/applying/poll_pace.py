"""How long the list poll rests between two looks. A file of its own, because it is all numbers and the poll is all protocol."""

from __future__ import annotations

from typing import Final

from provisioner.applying.ports import ClockPort

PAUSES: Final = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0)
"""Seconds between the looks of one wait. The first two are short, because servers that run at once are a matter of tenths."""
STEADY: Final = PAUSES[2]
"""The rest while new waiters keep coming."""
BREATH: Final = 0.1
"""After a look that answered everybody: servers that run at once must not cost a list read each."""

_SHORT_RESTS, _PERIOD = 10, 10.0
"""So many rests below STEADY in so many seconds, so that list reads grow with time, whoever comes and goes."""
_RESTS_A_READING = 8
"""While new waiters keep coming, the rest is so many times what the last reading took: a list of thousands is read seldom."""


class PollPace:
    def __init__(self, clock: ClockPort) -> None:
        self._clock = clock
        self._step = 0
        self._short_rests = 0
        self._since = clock.monotonic()

    def restart(self) -> None:
        """Somebody waits again after nobody did."""
        self._step = 0

    def somebody_new(self) -> None:
        """Beside others who wait."""
        self._step = min(self._step, PAUSES.index(STEADY))

    def pause(self) -> float:
        """Seconds until the next look; each is longer than the one before."""
        step, self._step = self._step, min(self._step + 1, len(PAUSES) - 1)
        return self._bounded(PAUSES[step])

    def breath(self) -> float:
        return self._bounded(BREATH)

    def patience(self, took: float) -> float:
        """How long new waiters may put the next look off, after a reading that took so many seconds."""
        return min(took * _RESTS_A_READING, PAUSES[-1])

    def _bounded(self, pause: float) -> float:
        now = self._clock.monotonic()
        if now - self._since >= _PERIOD:
            self._since, self._short_rests = now, 0
        self._short_rests += pause < STEADY
        return pause if self._short_rests <= _SHORT_RESTS else max(pause, STEADY)
