"""A fixed number of channels, lent to one call at a time: the bound on what is in flight.

One client per worker, because a shared one slows down as it widens (docs/benchmarks.md). The channel used last is lent
first, so that its connection is young.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Self

from provisioner.applying.ports import ChannelPort, CloudPort


class ChannelPool:
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
        async with self._free:
            channel = self._idle.pop() if self._idle else await self._open.enter_async_context(self._cloud.channel())
            try:
                yield channel
            finally:
                self._idle.append(channel)
