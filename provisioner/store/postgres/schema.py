"""The tables, how they are created and upgraded, and the rights that a role needs on them.

`logs` has one row for each log: its last record. Every append changes that row first, on condition that it still names
the record behind which it appends. Of two appends the second finds it changed, at every isolation level; and an append
never gets between the steps of a move or a repair, which lock the same row.

`batches` has one row for each append, and is never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from provisioner.model.diagnostic import StoreError, error
from provisioner.store.postgres.address import PostgresAddress
from provisioner.store.postgres.connection import DatabaseConnection, Parameters, Rows
from provisioner.store.postgres.failures import DatabaseFailure, FailureKind

STEPS: Final = (
    """
    CREATE TABLE $schema.logs (
        state text NOT NULL,
        log text NOT NULL,
        last_sequence bigint NOT NULL,
        last_hash text NOT NULL,
        closed boolean NOT NULL DEFAULT false,
        PRIMARY KEY (state, log)
    );
    CREATE TABLE $schema.batches (
        state text NOT NULL,
        log text NOT NULL,
        first_sequence bigint NOT NULL,
        last_sequence bigint NOT NULL,
        last_hash text NOT NULL,
        closed boolean NOT NULL DEFAULT false,
        written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        mentions text[],
        data bytea NOT NULL,
        PRIMARY KEY (state, log, first_sequence)
    );
    CREATE INDEX batches_mentions ON $schema.batches USING gin (mentions) WHERE mentions IS NOT NULL;
    CREATE TABLE $schema.checkpoints (
        state text NOT NULL,
        sequence bigint NOT NULL,
        written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        data bytea NOT NULL,
        PRIMARY KEY (state, sequence)
    );
    """,
)
"""The statements that lead from each version to the next one. A step that was ever released is never changed."""

DURABLY: Final = "set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true)"
"""Makes the commit of this transaction wait for the disk, and for a synchronous standby, whatever the role's default is."""
_TABLES: Final = ("logs", "batches", "checkpoints", "schema_version")
_LOCK: Final = 0x70726F76
"""The key of the advisory lock under which tables are created and upgraded."""


class DatabaseSchema:
    """The tables in the schema that an address names. Other `steps` are for tests of upgrades."""

    def __init__(self, address: PostgresAddress, *, steps: Sequence[str] = STEPS) -> None:
        self._address = address
        self._steps = steps

    @property
    def channel(self) -> str:
        """The channel of notifications about appends. Their payload is the state's label."""
        return self._address.schema

    @property
    def newest(self) -> int:
        """The version of the tables that this version of the tool makes."""
        return len(self._steps)

    def statement(self, text: str) -> str:
        """Return a statement with the name of the schema in the place of `$schema`."""
        return text.replace("$schema", f'"{self._address.schema}"').replace("$durably", DURABLY)

    def version(self, run: Callable[[str, Parameters | None], Rows]) -> int:
        """Return the version of the tables; 0 when there are none. Raises StoreError for a newer one."""
        try:
            rows = run(self.statement("SELECT version FROM $schema.schema_version"), None)
        except DatabaseFailure as failure:
            if failure.kind is not FailureKind.ABSENT:
                raise
            return 0
        version = int(rows[0][0]) if rows else 0
        if version > len(self._steps):
            raise self._newer(version)
        return version

    def greet(self, connection: DatabaseConnection) -> int:
        """Return the version of the tables. Those of a newer version are refused before anything else is asked."""
        return self.version(connection.run)

    def prepare(self, connection: DatabaseConnection) -> None:
        """Create or upgrade the tables. Raises DatabaseFailure, and StoreError for a newer version.

        Of several first runs at once, one does it and the others wait for it.
        """
        if connection.version() == len(self._steps):
            return
        try:
            with connection.transaction() as run:
                self._upgrade(run)
        except DatabaseFailure as failure:
            if failure.kind is FailureKind.FORBIDDEN:
                raise self._not_allowed(connection, failure) from failure
            raise
        connection.note_version(len(self._steps))

    def _upgrade(self, run: Callable[[str, Parameters | None], Rows]) -> None:
        run("SELECT pg_advisory_xact_lock(%(key)s)", {"key": _LOCK})
        named = {"schema": self._address.schema, "version": f'"{self._address.schema}".schema_version'}
        if not run("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %(schema)s", named):
            run(self.statement("CREATE SCHEMA $schema"), None)
        if run("SELECT to_regclass(%(version)s) IS NULL", named)[0][0]:
            run(self.statement("CREATE TABLE $schema.schema_version (version integer NOT NULL)"), None)
            run(self.statement("INSERT INTO $schema.schema_version VALUES (0)"), None)
        for step in self._steps[self.version(run) :]:
            for part in filter(str.strip, step.split(";")):
                run(self.statement(part), None)
        run(self.statement("UPDATE $schema.schema_version SET version = %(version)s"), {"version": len(self._steps)})

    def grants(self, role: str, *, read_only: bool) -> str:
        """Return the statements that give a role the rights to read, or to read and write, all states in the schema."""
        return grants(self._address.schema, role, read_only=read_only)

    def right_to_create(self, connection: DatabaseConnection) -> str:
        """Return the statement that lets the role of a connection create the tables."""
        return f"GRANT CREATE ON DATABASE {_quoted(connection.database)} TO {_quoted(connection.user)};"

    def _not_allowed(self, connection: DatabaseConnection, failure: DatabaseFailure) -> StoreError:
        right = self.right_to_create(connection)
        hint = (
            f"Nothing was changed. Let the owner of the tables run any command that writes once, or ask the owner of the database to run: {right} "
            f"Other roles need: {self.grants(connection.user, read_only=False)}"
        )
        summary = f"the role may not create or upgrade the tables of {self._address}: {failure.message}"
        return StoreError(error("store-forbidden", summary, hint=hint))

    def _newer(self, version: int) -> StoreError:
        known = len(self._steps)
        summary = f"the tables of {self._address} have version {version}, and this version of the tool knows {known}"
        return StoreError(
            error("store-version", summary, hint="Nothing was changed. Install the version that the other runs use.")
        )


def grants(schema: str, role: str, *, read_only: bool) -> str:
    """Return the statements that give a role the rights to read, or to read and write, all states in the schema."""
    to = _quoted(role)
    rights = "SELECT" if read_only else "SELECT, INSERT, UPDATE, DELETE"
    tables = ", ".join(f"{schema}.{table}" for table in _TABLES)
    return f"GRANT USAGE ON SCHEMA {schema} TO {to}; GRANT {rights} ON {tables} TO {to};"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
