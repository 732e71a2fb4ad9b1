"""Lends a fixed number of channels, each to one call at a time, which bounds how many calls are in flight.

There is one HTTP client per channel, because a shared one gets slower the more calls it carries (docs/benchmarks.md).
The channel that was used last is lent first, so that its connection is young.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Self

from provisioner.applying.ports import ChannelPort, CloudPort


class ChannelPool:
    """Opens up to `size` channels, each when it is first needed, and closes them at the end of the run."""

    def __init__(self, cloud: CloudPort, size: int) -> None:
        self._cloud = cloud
        self._free = asyncio.Semaphore(size)
        self._idle: list[ChannelPort] = []
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    @asynccontextmanager
    async def borrow(self) -> AsyncIterator[ChannelPort]:
        """Waits for a free channel and lends it until the block ends."""
        async with self._free:
            channel = self._idle.pop() if self._idle else await self._open.enter_async_context(self._cloud.channel())
            try:
                yield channel
            finally:
                self._idle.append(channel)
