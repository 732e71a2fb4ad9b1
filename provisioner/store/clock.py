"""Time as the store sees it: one value, so that a test can move it and no test has to wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class StoreClock:
    """`now` is in milliseconds since the epoch; `elapsed` counts seconds from any start and never goes backwards."""

    now: Callable[[], int] = _milliseconds
    elapsed: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
