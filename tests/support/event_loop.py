"""`run` does what asyncio.run does, on an event loop that is reused, for simulations that run thousands of times.

A new loop, the thread that ends its executor, and the pipes of both take several times as long as such a simulation. Work for
threads is done at once in the same thread, so that a run takes the same steps every time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
_IDLE: list[asyncio.AbstractEventLoop] = []


class InlineExecutor(ThreadPoolExecutor):
    """An executor whose `submit` runs the work before it returns."""

    def submit(self, work, /, *arguments, **options):
        future: Future[Any] = Future()
        try:
            future.set_result(work(*arguments, **options))
        except BaseException as failure:  # noqa: BLE001 - raised by the future
            future.set_exception(failure)
        return future


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Returns or raises what the coroutine does, after every task that it has started has been cancelled."""
    loop = _IDLE.pop() if _IDLE else _new_loop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        _end_tasks(loop)
        if loop._asyncgens or any(not timer.cancelled() for timer in loop._scheduled):
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()
        else:
            _IDLE.append(loop)


def _new_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_default_executor(InlineExecutor())
    return loop


def _end_tasks(loop: asyncio.AbstractEventLoop) -> None:
    if tasks := asyncio.all_tasks(loop):
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    while loop._ready:  # nothing of this run may happen in the next one
        loop.run_until_complete(asyncio.sleep(0))
