"""A machine on which every sleep is over at once, and its time has passed all the same."""

from __future__ import annotations

import asyncio
import time

_SOME_REST = 0.01
"""Seconds in which whoever is waited for gets on."""


class InstantClock:
    def __init__(self) -> None:
        self.slept = 0.0
        """Seconds that its sleeps would have taken."""

    def monotonic(self) -> float:
        return time.monotonic() + self.slept

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds
        await asyncio.sleep(_SOME_REST)
