"""Time as a replaceable value, so that tests control it and never have to wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


def _seconds() -> float:
    """Return seconds of a clock that goes on while the machine sleeps, where the system provides one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True)
class StoreClock:
    """`now` returns milliseconds since the epoch, `elapsed` seconds since an arbitrary start, which never go backwards
    and go on while the machine sleeps.
    """

    now: Callable[[], int] = _milliseconds
    elapsed: Callable[[], float] = _seconds
    sleep: Callable[[float], None] = time.sleep
