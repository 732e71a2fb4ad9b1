"""Tells whoever watches what a run is waiting for, once it has waited for long: a silent program looks like a dead one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

SlowRequestListener: TypeAlias = Callable[[str, float], None]
"""Told method and path of the request that has been on its way the longest, and for how many seconds."""


class SlowRequestWatch:
    """One for all requests of a run: however many are on their way, one line is written at a time."""

    def __init__(self, monotonic: Callable[[], float], interval: float, unanswered: SlowRequestListener) -> None:
        self._monotonic = monotonic
        self._interval = interval
        self._unanswered = unanswered
        self._under_way: dict[object, tuple[str, float]] = {}
        self._alarm: asyncio.TimerHandle | None = None

    @contextmanager
    def waiting(self, line: str) -> Iterator[None]:
        """Around one exchange."""
        exchange = object()
        self._under_way[exchange] = line, self._monotonic()
        self._set_alarm()
        try:
            yield
        finally:
            del self._under_way[exchange]
            if not self._under_way and self._alarm is not None:
                self._alarm.cancel()
                self._alarm = None

    def _set_alarm(self) -> None:
        if self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_later(self._interval, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        line, begun = next(iter(self._under_way.values()))  # the oldest: it was put in first
        if (waited := self._monotonic() - begun) >= self._interval:
            self._unanswered(line, waited)
        self._set_alarm()
