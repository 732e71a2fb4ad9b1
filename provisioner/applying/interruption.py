"""A person's wish to stop, in two degrees. The first lets replies in flight be recorded; the second does not wait.

It knows nothing of signals: whoever catches them calls `request`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Interruption:
    def __init__(self) -> None:
        self.requested = False
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
        for listener in self._listeners:
            listener()

    async def hard(self) -> None:
        """Returns at the second request."""
        await self._hard.wait()
