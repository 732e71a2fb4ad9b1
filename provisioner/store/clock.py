"""Time as a replaceable value, so that tests control it and never have to wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class StoreClock:
    """`now` returns milliseconds since the epoch, `elapsed` seconds since an arbitrary start, which never go backwards."""

    now: Callable[[], int] = _milliseconds
    elapsed: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
