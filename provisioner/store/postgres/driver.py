"""The only module that imports psycopg: it opens bounded connections and tells the driver's errors as our own.

A connection ends when its server is silent for too long. Neither the timeouts of the server nor those of TCP help when
its processes are stopped and its kernel still acknowledges every packet. A large state on a slow network takes as long
as it takes, because bytes that come or go are no silence.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from math import inf
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import make_conninfo
from psycopg.errors import Diagnostic
from psycopg.pq.abc import PGconn

from provisioner.store.postgres.address import PostgresAddress
from provisioner.store.postgres.failures import DatabaseFailure, failed_connection, failed_statement

logging.getLogger("psycopg").addHandler(logging.NullHandler())  # a failed cancel is none of the user's concern
Row = tuple[Any, ...]
_Result = TypeVar("_Result")


class BoundedConnection(psycopg.Connection[Row]):
    """A connection that is given up when the server has been silent for `silence` seconds."""

    def __init__(self, pgconn: PGconn) -> None:
        super().__init__(pgconn)
        self.silence = inf
        self.warnings: list[str] = []
        self.add_notice_handler(self._keep_warning)

    def __del__(self, *_: object) -> None:
        """Close without the driver's warning: a process that ends need not close what the server notices by itself."""

    def _keep_warning(self, notice: Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            self.warnings.append(notice.message_primary or "a warning")

    def wait(self, gen: PQGen[_Result], interval: float = 0.1, timeout: float | None = None) -> _Result:
        return super().wait(_Watched(gen, self), min(interval, self.silence / 2), timeout)


class _Watched(Generator[Any, Any, _Result]):
    """A piece of the driver's work. It is resumed when the socket is ready, and regularly while it is not."""

    def __init__(self, work: PQGen[_Result], connection: BoundedConnection) -> None:
        self._work = work
        self._connection = connection
        self._heard_at = monotonic()

    def send(self, value: Any) -> Any:
        """Resume the work. Raises OperationalError after too long a silence."""
        if value:
            self._heard_at = monotonic()
        elif monotonic() - self._heard_at >= self._connection.silence:
            self._connection.pgconn.finish()  # else the driver would try to cancel the statement, and wait for that too
            raise psycopg.OperationalError("no answer in time")
        return self._work.send(value)

    def throw(self, *failure: Any) -> Any:
        return self._work.throw(*failure)


def connect(address: PostgresAddress, *, is_writing: bool) -> BoundedConnection:
    """Raises DatabaseFailure.

    Statements are never prepared and nothing is set for a session, so that a pooler may serve each transaction by
    another session.
    """
    parameters = address.connection_parameters(is_writing=is_writing)
    try:
        connection = BoundedConnection.connect(make_conninfo("", **parameters), autocommit=True, prepare_threshold=None)
    except (psycopg.Error, OSError, ValueError) as failure:
        state = failure.sqlstate if isinstance(failure, psycopg.Error) else None
        raise failed_connection(address.masked(str(failure)), state) from None
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    if not address.names_session_attributes and connection.info.parameter_status("in_hot_standby") == "on":
        connection.close()
        raise failed_connection("the server is a standby")
    return connection


@contextmanager
def failures_of(address: PostgresAddress, connection: BoundedConnection) -> Iterator[None]:
    """Raises the driver's errors as DatabaseFailure."""
    try:
        yield
    except (psycopg.Error, OSError) as failure:
        raise _failure(address, connection, failure) from None


def _failure(address: PostgresAddress, connection: BoundedConnection, failure: Exception) -> DatabaseFailure:
    if not isinstance(failure, psycopg.Error):
        message = address.masked(str(failure)) or type(failure).__name__
        return failed_statement(message, None, is_answered=False)
    message = address.masked(failure.diag.message_primary or str(failure)) or type(failure).__name__
    is_answered = failure.diag.severity_nonlocalized not in {None, "FATAL", "PANIC"} and not connection.closed
    return failed_statement(message, failure.sqlstate, is_answered=is_answered)
