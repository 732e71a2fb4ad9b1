"""Tells whoever watches what a run is waiting for, once it has waited for long: a silent program looks like a dead one.

One request may be without an answer for long, or many that are each answered at once may make up a long reading: both are told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

SlowRequestListener: TypeAlias = Callable[[str, float], None]
"""Told method and path of the request that has been on its way the longest, and for how many seconds."""
LongReadingListener: TypeAlias = Callable[[str, int, float], None]
"""Told method and path of the newest request, how many there were, and for how many seconds they have gone on."""


class SlowRequestWatch:
    """One for all requests of a run: however many are on their way, one line is written at a time."""

    def __init__(
        self,
        monotonic: Callable[[], float],
        interval: float,
        on_slow_request: SlowRequestListener,
        on_long_reading: LongReadingListener = lambda _line, _count, _seconds: None,
    ) -> None:
        self._monotonic = monotonic
        self._interval = interval
        self._on_slow_request = on_slow_request
        self._on_long_reading = on_long_reading
        self._under_way: dict[object, tuple[str, float]] = {}
        self._alarm: asyncio.TimerHandle | None = None
        self._newest = ""
        self._begun = 0.0
        self._set_at = 0.0
        self._count = 0
        self._count_at_alarm = 0

    @contextmanager
    def waiting(self, line: str) -> Iterator[None]:
        """Around one exchange."""
        exchange = object()
        self._under_way[exchange] = line, self._monotonic()
        self._newest = line
        if self._alarm is None:
            self._begun, self._count = self._monotonic(), 0
            self._set_alarm()
        self._count += 1
        try:
            yield
        finally:
            del self._under_way[exchange]

    def _set_alarm(self) -> None:
        self._set_at, self._count_at_alarm = self._monotonic(), self._count
        self._alarm = asyncio.get_running_loop().call_later(self._interval, self._ring)

    def _ring(self) -> None:
        """The alarm ends once there was no request for a whole interval."""
        self._alarm = None
        if not self._under_way and self._count == self._count_at_alarm:
            return
        now = self._monotonic()
        line, sent_at = next(iter(self._under_way.values()), ("", now))  # the oldest: it was put in first
        is_late = now - self._set_at > 2 * self._interval  # somebody was asked meanwhile, or the machine slept
        if self._under_way and now - sent_at >= self._interval:
            self._on_slow_request(line, now - sent_at)
        elif now - self._begun >= self._interval and not is_late:
            self._on_long_reading(self._newest, self._count, now - self._begun)
        self._set_alarm()
