"""Numbers every step of a run on disk, network and database, inside its own process, and injects an event, such as SIGKILL, at a given step.

Disk steps are before, after and in the middle of each operation of `provisioner.disk.Disk` that changes something. Network steps
are those of a request: nothing of it is sent, half of it, all of it; the headers of the answer have come, all of it has.
database_injection.py has the steps of a statement.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.database_injection import FAULTS, DatabaseFaults, number_statements
from support.simulated_time import count_request, pass_time, replace_fields

if TYPE_CHECKING:
    from provisioner.disk import Disk

ASLEEP = 100.0
"""Seconds that a machine sleeps: longer than a lease lasts."""
_READ_METHODS = ("GET", "HEAD")
_STEP_NAMES = {
    "send_request_headers.started": "before",
    "send_request_headers.complete": "half sent",
    "send_request_body.complete": "sent",
    "receive_response_headers.complete": "answered",
    "receive_response_body.complete": "heard",
}
_READ_STEPS = {"before", "heard"}
"""The steps that count for a request that changes nothing."""


class FaultInjector:
    """Counts the steps and writes their names to the file `log`. `events` maps a number, counted from 1, to an event.

    An event is the name of a signal without "SIG"; "STDOUT" or "STDERR" to close the reader of that stream; "SLEEP" after which the
    machine has slept for longer than a lease; or a fault of the connection to the database. "+" joins several.
    """

    def __init__(self, events: dict[int, str], log: str) -> None:
        self._events = events
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self._lock = threading.Lock()
        self._count = 0
        self.database = DatabaseFaults()

    def reach(self, step: str) -> None:
        with self._lock:
            self._count += 1
            os.write(self._log, f"{step}\n".encode())
            event = self._events.get(self._count)
            if event is not None:
                self._trigger(event)

    def _trigger(self, event: str) -> None:
        for name in event.split("+"):
            if name in {"STDOUT", "STDERR"}:
                _close_reader(1 if name == "STDOUT" else 2)
            elif name in FAULTS:
                self.database.order(name)
            elif name == "SLEEP":
                pass_time(ASLEEP)
            else:
                _raise_signal(signal.Signals[f"SIG{name}"])


def _raise_signal(number: signal.Signals) -> None:
    """Sends the signal to this process, or has this very thread stop it: another one would not do so at once."""
    if number == signal.SIGSTOP:
        signal.pthread_kill(threading.get_ident(), number)
    else:
        os.kill(os.getpid(), number)


def _close_reader(number: int) -> None:
    """Replaces the stream by a pipe that has no reader."""
    reader, writer = os.pipe()
    os.close(reader)
    os.dup2(writer, number)
    os.close(writer)


def number_steps(events: dict[int, str], log: str) -> None:
    """Patches the disk, the HTTP transport and the driver of this process to report their steps to a FaultInjector."""
    injector = FaultInjector(events, log)
    _number_disk(injector)
    _number_wire(injector)
    if "psycopg" in sys.modules:
        number_statements(injector.reach, injector.database)


def _number_disk(injector: FaultInjector) -> None:
    from provisioner.disk import Disk

    paths: dict[int, str] = {}
    original = {name: getattr(Disk, name) for name in ("open", "open_shared", "write")}

    def numbered_open(name: str) -> Callable[[Disk, Path, int], int]:
        def open_numbered(self: Disk, path: Path, flags: int) -> int:
            if not flags & (os.O_WRONLY | os.O_RDWR):
                return original[name](self, path, flags)
            injector.reach(f"before open {path.name}")
            descriptor = original[name](self, path, flags)
            paths[descriptor] = path.name
            injector.reach(f"after open {path.name}")
            return descriptor

        return open_numbered

    def write_numbered(self: Disk, descriptor: int, data: bytes) -> int:
        name, half = paths[descriptor], len(data) // 2
        injector.reach(f"before write {name}")
        written = original["write"](self, descriptor, data[:half])
        injector.reach(f"half of write {name}")
        written += original["write"](self, descriptor, data[half:])
        injector.reach(f"after write {name}")
        return written

    Disk.open, Disk.open_shared, Disk.write = numbered_open("open"), numbered_open("open_shared"), write_numbered
    for operation in ("make_folder", "truncate", "sync", "link", "rename", "remove", "sync_folder"):
        setattr(Disk, operation, _numbered_operation(injector, operation, getattr(Disk, operation), paths))


def _numbered_operation(injector: FaultInjector, operation: str, do: Any, paths: dict[int, str]) -> Any:
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

    async def send_numbered(self: Any, request: httpx.Request) -> httpx.Response:
        name = f"{request.method} {_last_word(request.url.path)}"
        count_request()

        async def trace(event: str, _info: Any) -> None:
            point = _STEP_NAMES.get(event.partition(".")[2])
            if point is not None and (request.method not in _READ_METHODS or point in _READ_STEPS):
                injector.reach(f"{point} {name}")

        request.extensions["trace"] = trace
        return await send(self, request)

    httpx.AsyncHTTPTransport.handle_async_request = send_numbered


def _last_word(path: str) -> str:
    """Returns the last part of a path that is a word and no id, or the path."""
    words = (part for part in reversed(path.split("/")) if part.replace("-", "").isalpha())
    return next(words, path)


def shorten_timeouts(seconds: float) -> None:
    """Makes the tool give up on a cloud that has been silent for this many seconds."""
    from provisioner.cloud import connection

    replace_fields(connection._DEFAULT_TIMEOUTS, silence=seconds, read=2 * seconds, change=2 * seconds)


def limit_page_size(rows: int) -> None:
    """Makes the tool ask for the list of servers in pages of this many rows."""
    from provisioner.kinds.dev_server import listing

    listing._LIMITS = (rows,)
