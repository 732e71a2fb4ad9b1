"""Numbers every durable and every network step of a run, inside its own process, and lets one of them be its last.

The disk's steps are the operations of the store's one disk; those of the wire are a request's own: nothing of it sent, half of
it, all of it and no answer, an answer of which nothing is known yet, the whole answer. Reading is no step of a disk.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

_READS = ("GET", "HEAD")
_WIRE = {
    "send_request_headers.started": "before",
    "send_request_headers.complete": "half sent",
    "send_request_body.complete": "sent",
    "receive_response_headers.complete": "answered",
    "receive_response_body.complete": "heard",
}
_READING_WIRE = {"before", "heard"}
"""What a request that changes nothing is worth."""


class FaultInjector:
    """What happens at the steps whose numbers are keys, counted from 1: "KILL", a signal's name, or "STDOUT" or "STDERR" for a
    reader that walks away.
    """

    def __init__(self, events: dict[int, str], log: str) -> None:
        self._events = events
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self._one_at_a_time = threading.Lock()
        self._passed = 0

    def reach(self, step: str) -> None:
        with self._one_at_a_time:
            self._passed += 1
            os.write(self._log, f"{step}\n".encode())
            event = self._events.get(self._passed)
            if event is not None:
                self._happen(event)

    def _happen(self, event: str) -> None:
        for name in event.split("+"):
            if name in {"STDOUT", "STDERR"}:
                _close_reader(1 if name == "STDOUT" else 2)
            else:
                os.kill(os.getpid(), signal.Signals[f"SIG{name}"])


def _close_reader(number: int) -> None:
    """From now on a pipe without a reader stands in the stream's place."""
    reader, writer = os.pipe()
    os.close(reader)
    os.dup2(writer, number)
    os.close(writer)


def number_steps(events: dict[int, str], log: str) -> None:
    """`log` gets the names of the steps as they are passed."""
    injector = FaultInjector(events, log)
    _number_disk(injector)
    _number_wire(injector)


def _number_disk(injector: FaultInjector) -> None:
    from provisioner.disk import Disk

    paths: dict[int, str] = {}
    original = {name: getattr(Disk, name) for name in ("open", "write")}

    def opening(self: Disk, path: Path, flags: int) -> int:
        if not flags & (os.O_WRONLY | os.O_RDWR):
            return original["open"](self, path, flags)
        injector.reach(f"before open {path.name}")
        descriptor = original["open"](self, path, flags)
        paths[descriptor] = path.name
        injector.reach(f"after open {path.name}")
        return descriptor

    def writing(self: Disk, descriptor: int, data: bytes) -> int:
        name, half = paths[descriptor], len(data) // 2
        injector.reach(f"before write {name}")
        written = original["write"](self, descriptor, data[:half])
        injector.reach(f"half of write {name}")
        written += original["write"](self, descriptor, data[half:])
        injector.reach(f"after write {name}")
        return written

    Disk.open, Disk.write = opening, writing
    for operation in ("make_folder", "truncate", "sync", "rename", "remove", "sync_folder"):
        setattr(Disk, operation, _stepping(injector, operation, getattr(Disk, operation), paths))


def _stepping(injector: FaultInjector, operation: str, do: Any, paths: dict[int, str]) -> Any:
    def step(self: Any, *arguments: Any) -> None:
        what = paths[arguments[0]] if isinstance(arguments[0], int) else arguments[-1].name
        name = f"{operation} {what}"
        injector.reach(f"before {name}")
        do(self, *arguments)
        injector.reach(f"after {name}")

    return step


def _number_wire(injector: FaultInjector) -> None:
    import httpx

    send = httpx.AsyncHTTPTransport.handle_async_request

    async def sending(self: Any, request: httpx.Request) -> httpx.Response:
        name = f"{request.method} {_subject(request.url.path)}"

        async def trace(event: str, _info: Any) -> None:
            point = _WIRE.get(event.partition(".")[2])
            if point is not None and (request.method not in _READS or point in _READING_WIRE):
                injector.reach(f"{point} {name}")

        request.extensions["trace"] = trace
        return await send(self, request)

    httpx.AsyncHTTPTransport.handle_async_request = sending


def _subject(path: str) -> str:
    """The last part of a path that is a word: ids say nothing."""
    words = (part for part in reversed(path.split("/")) if part.replace("-", "").isalpha())
    return next(words, path)


def skip_sleeps() -> None:
    """A machine on which every sleep is over at once, and its time has passed all the same; and a password's fingerprint, which
    is slow on purpose, takes no time either.
    """
    import asyncio

    from provisioner.cloud import connection
    from provisioner.secrets import reader
    from provisioner.workflow.workspace import SystemClock

    slept = [0.0]

    async def sleep(seconds: float) -> None:
        slept[0] += seconds
        await asyncio.sleep(0.001)

    def monotonic() -> float:
        return time.monotonic() + slept[0]

    SystemClock.sleep = lambda _clock, seconds: sleep(seconds)
    SystemClock.monotonic = lambda _clock: monotonic()
    _set(connection._REAL_TIME, sleep=sleep, monotonic=monotonic)
    reader._COST = 2


def shorten_timeouts(seconds: float) -> None:
    """With a cloud that says nothing for so long."""
    from provisioner.cloud import connection

    _set(connection._DEFAULT_TIMEOUTS, silence=seconds, read=2 * seconds, change=2 * seconds)


def limit_page_size(rows: int) -> None:
    """The list of servers comes in pages of so many."""
    from provisioner.kinds.dev_server import listing

    listing._LIMITS = (rows,)


def _set(frozen: object, **values: object) -> None:
    for name, value in values.items():
        object.__setattr__(frozen, name, value)
