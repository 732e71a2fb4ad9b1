"""Time and randomness as replaceable values, so that tests control them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _seconds_since_boot() -> float:
    """Return the seconds since boot.

    Where the system supports it they include suspended time, in which a request may be executed.
    """
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True)
class Clock:
    """`now` returns seconds since the epoch, `monotonic` seconds since an arbitrary moment, `chance` a random number
    from 0 to below 1.
    """

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = _seconds_since_boot
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random

    def utc(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)
