"""A person's wish to stop, in two degrees. The first lets replies in flight be recorded; the second does not wait.

It knows nothing of signals: whoever catches them calls `request`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

Result = TypeVar("Result")


class Interruption:
    def __init__(self) -> None:
        self.requested = False
        self._soft = asyncio.Event()
        self._hard = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []

    def on_request(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    def request(self) -> None:
        """First call: nothing new is sent and waits end. Second: replies are not waited for either."""
        if self.requested:
            self._hard.set()
            return
        self.requested = True
        self._soft.set()
        for listener in self._listeners:
            listener()

    async def soft(self) -> None:
        """Returns at the first request."""
        await self._soft.wait()

    async def hard(self) -> None:
        """Returns at the second request."""
        await self._hard.wait()


async def run_until(stop: Coroutine[None, None, None], work: Coroutine[None, None, Result]) -> asyncio.Task[Result]:
    """`work`, ended: by itself, or cancelled because `stop` came first. What it raised is raised where its result is asked for."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop)
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        working.cancel()  # without effect on a result that is there
        stopping.cancel()
    await asyncio.wait({working})
    return working
