"""Reports what a run is waiting for once it has waited long, because a silent program looks like a dead one.

There are two cases: one request stays unanswered for long, or many requests that are each answered quickly take long
together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

SlowRequestListener: TypeAlias = Callable[[str, float], None]
"""Called with method and path of the oldest unanswered request, and the seconds since it was sent."""
LongReadingListener: TypeAlias = Callable[[str, int, float], None]
"""Called with method and path of the newest request, the number of requests so far, and the seconds since the first."""


class SlowRequestWatch:
    """Watches all requests of a run. It reports at most one line per interval, however many requests are unanswered."""

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
        self._started_at = 0.0
        self._alarm_set_at = 0.0
        self._count = 0
        self._count_at_alarm = 0

    @contextmanager
    def waiting(self, line: str) -> Iterator[None]:
        """Watch one exchange for as long as the context is open."""
        exchange = object()
        self._under_way[exchange] = line, self._monotonic()
        self._newest = line
        if self._alarm is None:
            self._started_at, self._count = self._monotonic(), 0
            self._set_alarm()
        self._count += 1
        try:
            yield
        finally:
            del self._under_way[exchange]

    def _set_alarm(self) -> None:
        self._alarm_set_at, self._count_at_alarm = self._monotonic(), self._count
        self._alarm = asyncio.get_running_loop().call_later(self._interval, self._report)

    def _report(self) -> None:
        """Report what is waited for, and set the next alarm unless no request was made for a whole interval."""
        self._alarm = None
        if not self._under_way and self._count == self._count_at_alarm:
            return
        now = self._monotonic()
        line, sent_at = next(iter(self._under_way.values()), ("", now))  # the oldest, as it was added first
        is_late = now - self._alarm_set_at > 2 * self._interval  # a prompt blocked the event loop, or the machine slept
        if self._under_way and now - sent_at >= self._interval:
            self._on_slow_request(line, now - sent_at)
        elif now - self._started_at >= self._interval and not is_late:
            self._on_long_reading(self._newest, self._count, now - self._started_at)
        self._set_alarm()
