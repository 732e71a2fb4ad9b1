"""The clock of this machine."""

from __future__ import annotations

import time


class SystemClock:
    """The clock of this machine, for `applying`."""

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds of a clock that also counts the time while the machine sleeps, where the system provides one."""
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))

    async def sleep(self, seconds: float) -> None:
        from asyncio import sleep

        await sleep(seconds)
