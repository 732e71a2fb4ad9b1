"""Time and chance as values, so that tests move them. Knows nothing of what is timed."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _seconds_since_boot() -> float:
    """Those too in which the machine slept, where the system tells: a request may be carried out meanwhile."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True)
class Clock:
    """`now` is seconds since the epoch, `monotonic` seconds since some moment, `chance` a number from 0 to below 1."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = _seconds_since_boot
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random

    def utc(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)
