"""A clock whose sleeps return at once, although its time advances as if they had not."""

from __future__ import annotations

import asyncio
import time

_REAL_SLEEP = 0.01
"""Seconds that every sleep really takes, so that others get on with their work."""


class InstantClock:
    def __init__(self) -> None:
        self.slept = 0.0
        """How many seconds its sleeps would have taken."""

    def monotonic(self) -> float:
        return time.monotonic() + self.slept

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds
        await asyncio.sleep(_REAL_SLEEP)
