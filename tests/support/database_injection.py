"""Numbers every statement that a run sends to its database, inside its own process, and injects faults of the connection.

There are two steps a statement: nothing of it is sent; the server has carried it out and answered, and nothing of the answer is
read. A fault replaces the socket under the driver, so that libpq and the driver meet what a network shows them.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Generator
from typing import Any

from support.simulated_time import pass_time, replace_fields

CUT, HANG, DOWN, FROZEN = "CUT", "HANG", "DOWN", "FROZEN"
"""The connection ends; it falls silent; it ends, and no other one can be made any more; it falls silent, and so does every other one."""
FAULTS = (CUT, HANG, DOWN, FROZEN)
_CONNECT_SECONDS = 10.0
"""After how many seconds the driver gives up on a server that accepts a connection and says nothing."""
_READABLE = 1


class DatabaseFaults:
    """The faults of one process. `order` takes effect on the statement that is at its step, or else on the next one."""

    def __init__(self) -> None:
        self._ordered: str | None = None
        self._is_down = self._is_frozen = False
        self._silent: list[socket.socket] = []
        self._closed = socket.socket()
        self._closed.bind(("127.0.0.1", 0))  # nobody listens at this port

    def order(self, fault: str) -> None:
        self._ordered = fault
        self._is_down |= fault == DOWN
        self._is_frozen |= fault == FROZEN

    def meet(self, connection: Any) -> None:
        """Carry out what is ordered on this connection."""
        fault, self._ordered = self._ordered, None
        if self._is_down or fault == CUT:
            _replace_socket(connection)
        elif self._is_frozen or fault == HANG:
            self._silent.append(_replace_socket(connection, ends=False))

    def place(self, parameters: str) -> str:
        """Return the parameters of a new connection: of a port where nobody listens once the database is down.

        Raises the driver's error once it is frozen.
        """
        from psycopg.conninfo import make_conninfo
        from psycopg.errors import ConnectionTimeout

        if self._is_frozen:
            pass_time(_CONNECT_SECONDS)
            raise ConnectionTimeout("connection timeout expired")
        return make_conninfo(parameters, port=self._closed.getsockname()[1]) if self._is_down else parameters


def _replace_socket(connection: Any, *, ends: bool = True) -> socket.socket:
    """Put a socket under the connection of which the other end is closed, or silent. Return that end.

    libpq never waits inside a read, because its own socket does not block. Nor may this one.
    """
    if connection.closed:
        return socket.socket()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    os.dup2(ours.fileno(), connection.pgconn.socket, inheritable=False)
    ours.close()
    if ends:
        theirs.close()
    return theirs


class _Numbered(Generator[Any, Any, Any]):
    """The driver's work on one statement, with its steps."""

    def __init__(self, work: Any, reach: Callable[[str], None], *, is_sent: bool, is_answered: bool) -> None:
        self._work, self._reach = work, reach
        self._is_sent, self._is_answered = is_sent, is_answered

    def send(self, value: Any) -> Any:
        if not self._is_sent:
            self._is_sent = True
            self._reach("before")
        elif value and value & _READABLE and not self._is_answered:
            self._is_answered = True
            self._reach("answered")
        return self._work.send(value)

    def throw(self, *failure: Any) -> Any:
        return self._work.throw(*failure)


def number_statements(reach: Callable[[str], None], faults: DatabaseFaults) -> None:
    """Patch the driver of this process to report its steps to `reach`, and to meet the faults."""
    import psycopg

    from provisioner.store.postgres.driver import BoundedConnection

    wait, connect, execute = BoundedConnection.wait, BoundedConnection.connect, BoundedConnection.execute
    stream = psycopg.Cursor.stream

    def wait_numbered(self: Any, work: Any, *arguments: Any, **named: Any) -> Any:
        part = work.__name__
        if part.startswith("_set_"):  # of the driver's own settings
            return wait(self, work, *arguments, **named)

        def reach_step(point: str) -> None:
            reach(f"{point} {self.step if 'execute' in part or 'stream' in part else _transaction_step(part)}")
            faults.meet(self)

        is_fetch, is_sending = "fetch" in part, "stream_send" in part
        numbered = _Numbered(work, reach_step, is_sent=is_fetch, is_answered=is_sending)
        return wait(self, numbered, *arguments, **named)

    def execute_named(self: Any, query: bytes, parameters: Any = None, **named: Any) -> Any:
        self.step = statement_name(query, parameters)
        return execute(self, query, parameters, **named)

    def stream_named(self: Any, query: bytes, parameters: Any = None, **named: Any) -> Any:
        self.connection.step = statement_name(query, parameters)
        return stream(self, query, parameters, **named)

    def connect_numbered(parameters: str, **named: Any) -> Any:
        reach("before connect")
        return connect(faults.place(parameters), **named)

    BoundedConnection.wait, BoundedConnection.execute = wait_numbered, execute_named
    BoundedConnection.connect = connect_numbered
    psycopg.Cursor.stream = stream_named


def shorten_silence(seconds: float) -> None:
    """Make the tool give up on a database that has been silent for this many seconds."""
    from provisioner.store.postgres import connection

    replace_fields(connection.DEFAULT_LIMITS, statement=seconds)


def statement_name(query: bytes, parameters: Any) -> str:
    """Return what a statement does, and to which log."""
    text, log = query.decode(), (parameters or {}).get("log", "")
    if "added AS (" in text:
        return f"append {log}"
    if "last_hash = last_hash" in text:
        return f"confirm {log}"
    if "data = data" in text:
        return "confirm checkpoint"
    if text.startswith("WITH durable"):
        return "create checkpoint"
    words = re.findall(r"[A-Za-z_]+", text)
    return f"select {log}".strip() if words[0].lower() == "select" else " ".join(words[:2]).lower()


def _transaction_step(part: str) -> str:
    return "commit" if "exit" in part or "commit" in part else "begin"
