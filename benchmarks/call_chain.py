"""Prints the chain of own functions from the command line to the request that buys a server.

It applies a group of two servers in the built-in sandbox and notes, when the first purchase reaches httpx, which functions await it. A
task continues in the function that created it. Run it as `python -m benchmarks.call_chain`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch
from weakref import WeakKeyDictionary

import httpx

import provisioner
from benchmarks.fleet import emulated_fleet

_PACKAGE = Path(provisioner.__file__).parent
_PURCHASE = "dev-servers"
_EVENT_LOOP = ("asyncio", "events.py")
"""Below the frame that runs it, a task's stack is that of the event loop."""


class _Reached(BaseException):
    """The first purchase is about to leave: `functions` await it. Ends the run, because nothing more is to be learned from it."""

    def __init__(self, functions: list[str]) -> None:
        super().__init__()
        self.functions = functions


def chain() -> list[str]:
    """Own functions from the command line to the first purchase, outermost first: `cli/main.py main`."""
    creators: WeakKeyDictionary[asyncio.Task[Any], list[str]] = WeakKeyDictionary()
    create_task = asyncio.BaseEventLoop.create_task
    handle = httpx.ASGITransport.handle_async_request

    def create(loop: asyncio.BaseEventLoop, *arguments: Any, **options: Any) -> asyncio.Task[Any]:
        task = create_task(loop, *arguments, **options)
        creators[task] = _stack(sys._getframe(1), creators)  # noqa: SLF001 - the stack is what is measured
        return task

    async def note(transport: httpx.ASGITransport, request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and request.url.path.endswith(_PURCHASE):
            raise _Reached(_stack(sys._getframe(), creators))  # noqa: SLF001 - the stack is what is measured
        return await handle(transport, request)

    output = StringIO()
    with (
        patch.object(asyncio.BaseEventLoop, "create_task", create),
        patch.object(httpx.ASGITransport, "handle_async_request", note),
        redirect_stdout(output),
        redirect_stderr(output),
    ):
        try:
            _apply()
        except _Reached as reached:
            return reached.functions
    raise SystemExit(f"nothing was bought:\n{output.getvalue()}")


def _apply() -> None:
    from provisioner.cli.main import main

    arguments = ["provisioner", "apply", "--auto-approve", "--var", "nodes=2"]
    with (
        emulated_fleet() as fleet,
        chdir(fleet.directory),
        patch.dict(os.environ, fleet.environ, clear=True),
        patch.object(sys, "argv", arguments),
        suppress(SystemExit),
    ):
        main()


def _stack(frame: FrameType, creators: WeakKeyDictionary[asyncio.Task[Any], list[str]]) -> list[str]:
    """Of the running task and, before that, of whoever created it. Of what runs before any loop: the whole stack."""
    own = list(_own_functions(frame))[::-1]
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    return own if task is None else [*creators[task], *own]


def _own_functions(innermost: FrameType) -> Iterator[str]:
    frame: FrameType | None = innermost
    while frame is not None and Path(frame.f_code.co_filename).parts[-2:] != _EVENT_LOOP:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(_PACKAGE) and path.relative_to(_PACKAGE).parts[0] != "sandbox":
            yield f"{path.relative_to(_PACKAGE)} {frame.f_code.co_qualname}"
        frame = frame.f_back


def main() -> None:
    functions = chain()
    print(*functions, sep="\n")
    files = {function.partition(" ")[0] for function in functions}
    print(f"{len(functions)} functions in {len(files)} files", file=sys.stderr)


if __name__ == "__main__":
    main()
