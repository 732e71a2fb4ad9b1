"""A connection to the database that is opened when it is needed, and anew after it was lost.

Several threads may use it; each statement has it for itself. A process that was forked opens its own, because a
connection is shared with the parent and ends for both.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from threading import RLock
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from provisioner.model.diagnostic import UsageError, error
from provisioner.store.clock import StoreClock
from provisioner.store.postgres.address import PostgresAddress
from provisioner.store.postgres.failures import DatabaseFailure, FailureKind, failed_statement

if TYPE_CHECKING:
    from provisioner.store.postgres.driver import BoundedConnection

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0
_END_IF_IDLE: Final = "SET LOCAL idle_in_transaction_session_timeout = '10s'"
"""A process may be suspended in a transaction, and its kernel keeps the connection alive. Its locks must not outlast that."""
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})

Rows: TypeAlias = list[tuple[Any, ...]]
Parameters: TypeAlias = Mapping[str, object]
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds. A statement is given up after a silence of `statement`, and its outcome is unknown then.

    Failures that pass are met with other attempts for the time of `patience`; callers have more of it.
    """

    statement: float = 15.0
    patience: float = 5.0


DEFAULT_LIMITS: Final = Limits()


class DatabaseConnection:
    """`greet` is called with each new connection, as the first thing on it. It returns the version of the tables."""

    def __init__(
        self,
        address: PostgresAddress,
        *,
        clock: StoreClock,
        greet: Callable[[DatabaseConnection], int],
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._address = address
        self._clock = clock
        self._greet = greet
        self._limits = limits
        self._mutex = RLock()
        self._open: BoundedConnection | None = None
        self._process = os.getpid()
        self._version = 0
        self._was_open = False
        self._requires_writable = False
        self.user = ""
        self.database = ""

    def run(self, statement: str, parameters: Parameters | None = None) -> Rows:
        """Carry out one statement in a transaction of its own. Raises DatabaseFailure."""
        with self._mutex, self._bounded() as connection:
            cursor = connection.execute(statement.encode(), parameters, binary=True)
            return cursor.fetchall() if cursor.description else []

    def write(self, statement: str, parameters: Parameters) -> Rows:
        """Carry out one statement whose result counts only when it is as durable as the server can make it.

        A commit that gave up waiting for its standby is reported by a warning alone.
        """
        with self._mutex, self._bounded() as connection:
            rows = connection.execute(statement.encode(), parameters, binary=True).fetchall()
            self._require_no_warning(connection)
            return rows

    def stream(self, statement: str, parameters: Parameters) -> Rows:
        """Carry out a reading statement. The driver holds one row at a time, not the whole result a second time."""
        with self._mutex, self._bounded() as connection, connection.cursor() as cursor:
            return list(cursor.stream(statement.encode(), parameters, binary=True))

    @contextmanager
    def transaction(self) -> Iterator[Callable[[str, Parameters | None], Rows]]:
        """Yield a function that carries out statements in one transaction. Raises DatabaseFailure."""
        with self._mutex, self._bounded() as connection:

            def run(statement: str, parameters: Parameters | None = None) -> Rows:
                cursor = connection.execute(statement.encode(), parameters, binary=True)
                return cursor.fetchall() if cursor.description else []

            with connection.transaction():
                run(_END_IF_IDLE)
                yield run
            self._require_no_warning(connection)

    def notifications(self, seconds: float) -> list[str]:
        """Wait for notifications, at most so long. Return their payloads. Raises DatabaseFailure."""
        with self._mutex, self._bounded(seconds) as connection:
            return [one.payload for one in connection.notifies(timeout=seconds, stop_after=1)]

    def persist(self, operation: Callable[[], _Result]) -> _Result:
        """Call `operation` until it succeeds or its failure does not pass. Raises DatabaseFailure.

        The first connection is tried once: its failure is a wrong address more often than a restart.
        """
        attempts = self.attempts()
        while True:
            try:
                return operation()
            except DatabaseFailure as failure:
                if not failure.is_passing or not next(attempts):
                    raise

    def attempts(self) -> Iterator[bool]:
        """Pause, and yield whether another attempt may be made, without end."""
        begun, pause = self._clock.elapsed(), _FIRST_PAUSE
        while True:
            is_over = not self._was_open or self._clock.elapsed() - begun >= self._limits.patience
            if not is_over:
                self._clock.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            yield not is_over

    def session(self) -> object:
        """Return what stands for the open connection; connects where none is open."""
        with self._mutex:
            return self._connected()

    def is_pooled(self) -> bool:
        """Whether a pooler stands between: it makes up the process that it names when the connection is opened."""
        with self._mutex:
            return bool(self.run("SELECT pg_backend_pid()")[0][0] != self._connected().info.backend_pid)

    def encryption(self) -> bool | None:
        """Return whether the connection is encrypted; None where it stays on this machine."""
        with self._mutex:
            info = self._connected().info
            if info.host.startswith(("/", "@")) or info.hostaddr in _LOOPBACK:
                return None
            return bool(info.pgconn.ssl_in_use)

    def version(self) -> int:
        """Return the version of the tables as it was when the connection was opened; connects where none is open."""
        with self._mutex:
            self._connected()
            return self._version

    def note_version(self, version: int) -> None:
        """Note that the tables have been created or upgraded."""
        with self._mutex:
            self._version = version

    def drop(self) -> None:
        """Close the connection. The next use opens another one."""
        with self._mutex:
            connection, self._open = self._open, None
            if connection is not None and self._process == os.getpid():
                connection.close()

    @contextmanager
    def _bounded(self, seconds: float = 0.0) -> Iterator[BoundedConnection]:
        connection = self._connected()
        connection.warnings.clear()
        connection.silence = seconds + self._limits.statement
        try:
            with _driver().failures_of(self._address, connection):
                yield connection
        except DatabaseFailure as failure:
            self._requires_writable |= failure.kind is FailureKind.READ_ONLY
            if not failure.is_harmless or failure.kind is FailureKind.READ_ONLY:
                self.drop()
            raise
        except BaseException:
            self.drop()
            raise

    def _require_no_warning(self, connection: BoundedConnection) -> None:
        if connection.warnings:
            raise failed_statement(self._address.masked(connection.warnings[0]), None, is_answered=False)

    def _connected(self) -> BoundedConnection:
        if self._process != os.getpid():
            self._open, self._process = None, os.getpid()
        if self._open is None or self._open.closed:
            self._open = _driver().connect(self._address, is_writing=self._requires_writable)
            self._was_open = True
            self.user, self.database = self._open.info.user, self._open.info.dbname
            try:
                self._version = self._greet(self)
            except BaseException:
                self.drop()
                raise
        return self._open


def _driver() -> ModuleType:
    """Raises UsageError `store-driver`, with the command that installs the driver for this Python."""
    try:
        from provisioner.store.postgres import driver
    except ImportError as failure:
        pip = f"{sys.executable} -m pip" if find_spec("pip") else f"uv pip --python {sys.executable}"
        summary = f"a state in PostgreSQL needs the driver psycopg, which cannot be imported: {failure}"
        raise UsageError(error("store-driver", summary, hint=f"Run: {pip} install 'psycopg[binary]>=3.3'")) from failure
    return driver
