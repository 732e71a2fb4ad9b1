"""Where the state of a crash environment is: in its folder, or in a schema of a database."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Protocol, Self

from support.postgres_server import PASSWORD, PostgresServer
from support.stores import folder_store

from provisioner.model.state import State

LABEL = "test"
_TIMEOUT_SECONDS = 30.0
_TABLES = ("schema_version", "logs", "batches", "checkpoints")
_ids = count(1)
_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> 'observer'"
)
_END_OTHERS = f"SELECT pg_terminate_backend(pid) FROM ({_OTHERS.replace('count(*)', 'pid')}) AS others"  # noqa: S608 - of these tests
_JOURNALED = "SELECT 'row', log, data FROM {0}.batches WHERE log <> 'lease' ORDER BY log, first_sequence"
_LEASE = "SELECT 'row', log, data FROM {0}.batches WHERE log = 'lease' ORDER BY first_sequence DESC LIMIT 1"
_CHECKPOINTS = "SELECT 'row', 'checkpoint', data FROM {0}.checkpoints ORDER BY sequence"


class StatePlace(Protocol):
    signature_seconds: float
    """By how much the quiet period begins later than the intent: a signed purchase may arrive until then."""

    @property
    def environ(self) -> Mapping[str, str]:
        """The variables that lead a run to the state."""

    def copy(self, folder: Path) -> StatePlace:
        """Returns a place with the same state. `folder` is a copy of the folder, with what is in it."""

    def remove(self) -> None: ...

    def settle(self) -> None:
        """Waits until everything that a killed process has sent here is carried out."""

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """Yields what is here and in no file of the environment, each part with a name."""

    def load(self) -> State | None:
        """Returns the state as the next run reads it. Raises StoreError if that run would refuse it."""


class FolderPlace:
    """The folder `state` of the environment."""

    environ: Mapping[str, str] = {}
    signature_seconds = 0.0

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def copy(self, folder: Path) -> FolderPlace:
        return FolderPlace(folder)

    def remove(self) -> None: ...

    def settle(self) -> None: ...

    def contents(self) -> Iterator[tuple[str, bytes]]:
        return iter(())

    def load(self) -> State | None:
        return folder_store(self._folder, LABEL).load()


class DatabasePlace:
    """A schema of its own on a server. It does not exist before the tool creates it. `port` is that of a pooler."""

    signature_seconds = 1000.0

    def __init__(self, server: PostgresServer, port: int | None = None) -> None:
        self._server, self._port = server, port
        self.schema = f"crash_{os.getpid()}_{next(_ids)}"

    @property
    def environ(self) -> Mapping[str, str]:
        return {"PROVISIONER_STATE": f"{self._server.url(port=self._port)}?schema={self.schema}"}

    def copy(self, folder: Path) -> Self:
        copied = type(self)(self._server, self._port)
        if self.exists():
            copied.fill(self.schema)
        return copied

    def create_tables(self) -> None:
        """Creates the tables as the tool does."""
        from support.postgres_stores import parsed

        from provisioner.store.clock import StoreClock
        from provisioner.store.postgres.address import address_of
        from provisioner.store.postgres.connection import DatabaseConnection
        from provisioner.store.postgres.schema import DatabaseSchema

        address = address_of(parsed(f"{self._server.url()}?schema={self.schema}&application_name=observer"))
        schema = DatabaseSchema(address)
        connection = DatabaseConnection(address, clock=StoreClock(), greet=schema.greet)
        schema.prepare(connection)
        connection.drop()

    def fill(self, source: str) -> None:
        """Takes the tables of another schema over, in place of what is here."""
        parts = [f"DROP SCHEMA IF EXISTS {self.schema} CASCADE", f"CREATE SCHEMA {self.schema}"]
        for name in _TABLES:
            parts.append(f"CREATE TABLE {self.schema}.{name} (LIKE {source}.{name} INCLUDING ALL)")
            parts.append(f"INSERT INTO {self.schema}.{name} SELECT * FROM {source}.{name}")  # noqa: S608 - of these tests
        self.execute(";".join(parts))

    def replace_by(self, older: DatabasePlace) -> None:
        """Puts the state of another place here, and ends all connections, as a failover to a copy does."""
        self.end_others()
        if older.exists():
            self.fill(older.schema)
        else:
            self.remove()

    def end_others(self) -> None:
        """Ends every connection, those that earlier tests of this process have left open included."""
        self.execute(_END_OTHERS)
        self.settle()

    def remove(self) -> None:
        self.execute(f"DROP SCHEMA IF EXISTS {self.schema} CASCADE")

    def settle(self) -> None:
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while self._port is None and self.execute(_OTHERS) != [(0,)]:
            assert time.monotonic() < deadline, "a connection of a killed process is still open"
            time.sleep(0.001)

    def contents(self) -> Iterator[tuple[str, bytes]]:
        if self.exists():
            for query in (_JOURNALED, _LEASE, _CHECKPOINTS):
                for _, name, data in self.execute(query.format(self.schema)):
                    yield f"database {name}", data

    def load(self) -> State | None:
        from support.postgres_stores import parsed

        from provisioner.store import StateStore
        from provisioner.store.postgres import PostgresBackend
        from provisioner.store.shared_store import SharedStore

        backend = PostgresBackend(parsed(f"{self._server.url()}?schema={self.schema}&application_name=observer"))
        try:
            return StateStore(SharedStore(backend, LABEL)).load()
        finally:
            backend.close()

    def execute(self, statements: str) -> list[tuple]:
        """Executes statements on a connection of the tests."""
        done = _observer(self._server).execute(statements)
        return done.fetchall() if done.description else []

    def exists(self) -> bool:
        """Returns whether the tool has created the tables."""
        return self.execute(f"SELECT to_regclass('{self.schema}.schema_version') IS NOT NULL") == [(True,)]


_observers: dict[int, object] = {}


def _observer(server: PostgresServer):
    """Returns a connection of the tests to the server, which stays open."""
    import psycopg

    if server.port not in _observers:
        _observers[server.port] = psycopg.connect(server.url(), autocommit=True, application_name="observer")
    return _observers[server.port]


def password_forms() -> tuple[str, ...]:
    """Returns the password of the database as it may stand in a file."""
    return PASSWORD, PASSWORD.replace(" ", "%20")
