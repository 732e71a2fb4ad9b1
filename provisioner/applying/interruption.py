"""Stops a run on a person's request, in two degrees. After the first request, replies in flight are still awaited and
recorded; after the second, they are not.

Nothing here knows of signals: whoever catches them calls `request`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class Interruption:
    """Passes requests to stop on to the listeners and the tasks of a run."""

    def __init__(self) -> None:
        self._requests = 0
        self._listeners: list[Callable[[], None]] = []
        self._ended_by_first: set[asyncio.Task[Any]] = set()
        self._ended_by_second: set[asyncio.Task[Any]] = set()

    @property
    def requested(self) -> bool:
        return self._requests > 0

    def on_request(self, listener: Callable[[], None]) -> None:
        """Registers a listener, which is called at the first request."""
        self._listeners.append(listener)

    def request(self) -> None:
        """Requests to stop. At the first call nothing new is sent and waits end. At the second call replies are not
        awaited either.
        """
        self._requests += 1
        for task in self._ended_by_first if self._requests == 1 else self._ended_by_second:
            task.cancel()
        if self._requests == 1:
            for listener in self._listeners:
                listener()

    def until_first(self, work: Coroutine[Any, Any, Result]) -> Coroutine[Any, Any, asyncio.Task[Result]]:
        """Runs `work` to its end, or cancels it at the first request. Returns its task, which is done: `result()`
        raises what `work` raised.
        """
        return self._run(work, self._ended_by_first, requests=1)

    def until_second(self, work: Coroutine[Any, Any, Result]) -> Coroutine[Any, Any, asyncio.Task[Result]]:
        """Does the same as `until_first`, but cancels `work` at the second request."""
        return self._run(work, self._ended_by_second, requests=2)

    async def _run(
        self, work: Coroutine[Any, Any, Result], registered: set[asyncio.Task[Any]], *, requests: int
    ) -> asyncio.Task[Result]:
        task = asyncio.ensure_future(work)
        if self._requests >= requests:
            task.cancel()
        registered.add(task)
        try:
            await asyncio.wait({task})
        finally:
            registered.discard(task)
            task.cancel()  # no effect on a task that is done
        return task
