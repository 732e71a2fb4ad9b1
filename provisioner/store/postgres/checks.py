"""Checks of the database of a state, for `doctor`: whether it can be reached, what may be done there, and how it keeps what it confirms.

Nothing is changed. The durable write that is timed is an empty transaction with a number of its own.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from provisioner.model.check import CheckResult, doubtful, failed, passed
from provisioner.model.diagnostic import StoreError
from provisioner.store.contract import StoreCheck
from provisioner.store.postgres.connection import DatabaseConnection, Rows
from provisioner.store.postgres.failures import DatabaseFailure
from provisioner.store.postgres.schema import DatabaseSchema

_Answer = TypeVar("_Answer")
_SLOW: Final = 0.25
"""Seconds for a durable write beyond which a person is warned: every purchase waits for two of them."""
_WRITES: Final = 5
_FEW_CONNECTIONS: Final = 5
_CONNECTIONS_A_RUN: Final = 3

_SERVER: Final = """
SELECT current_setting('server_version'), pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'"""
_TABLE_RIGHTS: Final = """
SELECT bool_and(has_table_privilege(c.oid, 'SELECT')),
    bool_and(has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relkind = 'r'"""
_MAY_CREATE: Final = "SELECT has_database_privilege(current_database(), 'CREATE')"
_DURABILITY: Final = """
SELECT name FROM pg_catalog.pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off' ORDER BY name"""
_FREE_CONNECTIONS: Final = """
SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend')"""
_DURABLE_WRITE: Final = "SELECT $durably, pg_current_xact_id()::text"


class PostgresChecks:
    """The checks of one database. `store_error` makes the error for a person of what a statement ended with."""

    def __init__(
        self,
        connection: DatabaseConnection,
        schema: DatabaseSchema,
        store_error: Callable[[DatabaseFailure], StoreError],
    ) -> None:
        self._connection = connection
        self._schema = schema
        self._store_error = store_error

    def __iter__(self) -> Iterator[StoreCheck]:
        yield StoreCheck("database", self._examine_server)
        yield StoreCheck("encryption", self._examine_encryption, needs=("database",))
        yield StoreCheck("tables", self._examine_tables, needs=("database",))
        yield StoreCheck("rights", self._examine_rights, needs=("tables",))
        yield StoreCheck("durability", self._examine_durability, needs=("database",))
        yield StoreCheck("connections", self._examine_connections, needs=("database",))
        yield StoreCheck("latency", self._examine_latency, needs=("database",))

    def _examine_server(self) -> CheckResult:
        ((version, is_standby, is_read_only),) = self._run(_SERVER)
        if is_standby:
            hint = "Name the primary, or all servers of the cluster, in the URL."
            return failed("store-standby", "the server is a standby, and accepts no changes", hint=hint)
        if is_read_only:
            hint = "Make room on its disk if that is why, or let the owner change default_transaction_read_only."
            return failed("store-read-only", "the database is read-only", hint=hint)
        pooled = ", behind a pooler" if self._told(self._connection.is_pooled) else ""
        return passed(f"PostgreSQL {version}{pooled}")

    def _examine_encryption(self) -> CheckResult:
        found = self._told(self._connection.encryption)
        if found is None:
            return passed("the connection does not leave this machine")
        if not found:
            hint = (
                "Set sslmode=verify-full in the URL, or PGSSLMODE: passwords and states are read on the way otherwise."
            )
            return doubtful("store-unencrypted", "the connection is not encrypted", hint=hint)
        return passed("the connection is encrypted")

    def _examine_tables(self) -> CheckResult:
        version = self._told(self._connection.version)
        if version == self._schema.newest:
            return passed(f"version {version}")
        if version:
            return passed(f"version {version}; an apply upgrades them to {self._schema.newest}")
        if self._run(_MAY_CREATE)[0][0]:
            return passed("there are none yet; an apply creates them")
        hint = f"Ask the owner of the database to run: {self._schema.right_to_create(self._connection)}"
        return failed("store-forbidden", "there are no tables yet, and the role may not create them", hint=hint)

    def _examine_rights(self) -> CheckResult:
        ((may_read, may_write),) = self._run(_TABLE_RIGHTS, schema=self._schema.channel)
        if may_read is None or may_write:
            return passed("the role may read and write")
        hint = f"Ask the owner of the tables to run: {self._schema.grants(self._connection.user, read_only=False)}"
        found = "the role may read, and not write" if may_read else "the role may not read all tables"
        return failed("store-forbidden", found, hint=hint)

    def _examine_durability(self) -> CheckResult:
        off = [row[0] for row in self._run(_DURABILITY)]
        if off:
            names = " and ".join(off)
            hint = "Switch it on, or keep states elsewhere: after a crash of the server, confirmed purchases may be missing."
            return failed("store-not-durable", f"{names} is off", hint=hint)
        return passed("what it confirms is on its disk")

    def _examine_connections(self) -> CheckResult:
        free = int(self._run(_FREE_CONNECTIONS)[0][0])
        if free < _FEW_CONNECTIONS:
            hint = f"A run uses up to {_CONNECTIONS_A_RUN}: raise max_connections, or connect through a pooler."
            return doubtful("store-busy", f"only {max(free, 0)} connections are free", hint=hint)
        return passed(f"{free} connections are free")

    def _examine_latency(self) -> CheckResult:
        times = []
        for _ in range(_WRITES):
            began_at = time.monotonic()
            self._run(_DURABLE_WRITE)
            times.append(time.monotonic() - began_at)
        found = f"a durable write takes {statistics.median(times) * 1000:.0f} ms"
        if statistics.median(times) > _SLOW:
            return doubtful(
                "store-slow",
                found,
                hint="Every purchase waits for two of them. Use a database that is nearer or faster.",
            )
        return passed(found)

    def _run(self, statement: str, **parameters: object) -> Rows:
        return self._told(lambda: self._connection.run(self._schema.statement(statement), parameters))

    def _told(self, question: Callable[[], _Answer]) -> _Answer:
        """Return the answer to a question. Raises StoreError for the failure of its statement."""
        try:
            return question()
        except DatabaseFailure as failure:
            raise self._store_error(failure) from failure
