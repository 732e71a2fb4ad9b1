"""A person's wish to stop, in two degrees. The first lets replies in flight be recorded; the second does not wait.

It knows nothing of signals: whoever catches them calls `request`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class Interruption:
    def __init__(self) -> None:
        self._requests = 0
        self._listeners: list[Callable[[], None]] = []
        self._patient: set[asyncio.Task[Any]] = set()
        self._stubborn: set[asyncio.Task[Any]] = set()

    @property
    def requested(self) -> bool:
        return self._requests > 0

    def on_request(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    def request(self) -> None:
        """First call: nothing new is sent and waits end. Second: replies are not waited for either."""
        self._requests += 1
        for task in self._patient if self._requests == 1 else self._stubborn:
            task.cancel()
        if self._requests == 1:
            for listener in self._listeners:
                listener()

    def until_first(self, work: Coroutine[Any, Any, Result]) -> Coroutine[Any, Any, asyncio.Task[Result]]:
        """`work`, ended: by itself, or cancelled by the first request. What it raised is raised where its result is asked for."""
        return self._ended(work, self._patient, requests=1)

    def until_second(self, work: Coroutine[Any, Any, Result]) -> Coroutine[Any, Any, asyncio.Task[Result]]:
        """As `until_first`, by the second request."""
        return self._ended(work, self._stubborn, requests=2)

    async def _ended(
        self, work: Coroutine[Any, Any, Result], cancelled_with: set[asyncio.Task[Any]], *, requests: int
    ) -> asyncio.Task[Result]:
        task = asyncio.ensure_future(work)
        if self._requests >= requests:
            task.cancel()
        cancelled_with.add(task)
        try:
            await asyncio.wait({task})
        finally:
            cancelled_with.discard(task)
            task.cancel()  # without effect on one that is done
        return task
