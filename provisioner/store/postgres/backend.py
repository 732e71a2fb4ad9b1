"""The engine of states in a PostgreSQL database (`store/backend.py` says what is asked of it)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from provisioner.model.diagnostic import Diagnostic, StoreError, UsageError, error
from provisioner.model.state_url import StateUrl
from provisioner.store.clock import StoreClock
from provisioner.store.contract import JOURNAL, LATE, Blob, Conflict, DamagedParts, StoreCheck, Undecided
from provisioner.store.lease_record import LEASE
from provisioner.store.postgres.address import address_of
from provisioner.store.postgres.checks import PostgresChecks
from provisioner.store.postgres.connection import DEFAULT_LIMITS, DatabaseConnection, Limits, Rows
from provisioner.store.postgres.failures import NEEDS_PERSON, DatabaseFailure, FailureKind, diagnostic_of
from provisioner.store.postgres.log import LogPlace, PostgresLog
from provisioner.store.postgres.moves import StateChange
from provisioner.store.postgres.notifications import AppendWatch
from provisioner.store.postgres.schema import STEPS, DatabaseSchema
from provisioner.store.postgres.words import words_of
from provisioner.store.words import StoreWords

_Result = TypeVar("_Result")
_KEPT_CHECKPOINTS: Final = 10
"""With the one that is being created, which the statement that deletes older ones does not see yet."""
_LONGEST_LABEL: Final = 200

_NAMES: Final = """
SELECT DISTINCT state FROM $schema.logs WHERE log <> %(lease)s UNION SELECT DISTINCT state FROM $schema.checkpoints"""
_CHECKPOINT: Final = """
SELECT sequence, data FROM $schema.checkpoints WHERE state = %(state)s ORDER BY sequence DESC LIMIT 1 OFFSET %(age)s"""
_CREATE_CHECKPOINT: Final = """
WITH durable AS MATERIALIZED (SELECT $durably AS level),
trimmed AS (
    DELETE FROM $schema.checkpoints WHERE state = %(state)s AND sequence < (
        SELECT sequence FROM $schema.checkpoints WHERE state = %(state)s ORDER BY sequence DESC LIMIT 1 OFFSET %(kept)s
    )
)
INSERT INTO $schema.checkpoints (state, sequence, data) SELECT %(state)s, %(sequence)s, %(data)s::bytea FROM durable
ON CONFLICT DO NOTHING RETURNING 1"""
_CONFIRM_CHECKPOINT: Final = """
WITH durable AS MATERIALIZED (SELECT $durably AS level)
UPDATE $schema.checkpoints SET data = data FROM durable
WHERE state = %(state)s AND sequence = %(sequence)s AND data = %(data)s RETURNING 1"""
_MENTIONS: Final = """
SELECT state, array_agg(DISTINCT token) FROM $schema.batches CROSS JOIN LATERAL unnest(mentions) AS token
WHERE mentions IS NOT NULL AND state <> %(state)s AND log = ANY (%(logs)s::text[])
AND token IN (SELECT unnest(%(tokens)s::text[])) GROUP BY state"""
"""Compares each token of the place once. An overlap of arrays would compare every pair of tokens."""


class PostgresBackend:
    """The states at one address. Nothing is connected until something is asked.

    Runs use three connections: one to read and append, one for the lease, which is renewed by a thread of its own, and
    one that listens.
    """

    def __init__(
        self,
        url: StateUrl,
        *,
        clock: StoreClock | None = None,
        limits: Limits = DEFAULT_LIMITS,
        steps: Sequence[str] = STEPS,
    ) -> None:
        self._address = address_of(url)
        self._clock = clock or StoreClock()
        self._schema = DatabaseSchema(self._address, steps=steps)
        self._main, self._lease, self._listener = (
            DatabaseConnection(self._address, clock=self._clock, greet=self._schema.greet, limits=limits)
            for _ in range(3)
        )
        self._watch = AppendWatch(self._listener, self._schema, self._clock)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        return ()

    def words(self, label: str) -> StoreWords:
        return words_of(self._address, label)

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(row[0] for row in self._read(_NAMES, lease=LEASE)))

    def log(self, label: str, name: str) -> PostgresLog:
        connection = self._lease if name == LEASE else self._main
        return PostgresLog(LogPlace(checked(label), name, self._schema, connection, self._store_error))

    def checkpoint(self, label: str, age: int = 0) -> Blob | None:
        rows = self._read(_CHECKPOINT, state=checked(label), age=age)
        if not rows:
            return None
        sequence, data = rows[0]
        return Blob(f"{self.words(label).state}/checkpoint/{sequence}", data)

    def create_checkpoint(self, label: str, sequence: int, data: bytes) -> None:
        row = {"state": checked(label), "sequence": sequence, "data": data, "kept": _KEPT_CHECKPOINTS - 2}

        def create() -> None:
            self._schema.prepare(self._main)
            for statement in (_CREATE_CHECKPOINT, _CONFIRM_CHECKPOINT):
                if self._main.write(self._schema.statement(statement), row):
                    return
            raise Conflict("it exists with another content")

        self._change(create)

    def mentions(self, label: str, tokens: Collection[str]) -> Mapping[str, frozenset[str]]:
        rows = (
            self._read(_MENTIONS, state=checked(label), tokens=sorted({*tokens}), logs=[JOURNAL, LATE])
            if tokens
            else []
        )
        return {state: frozenset(found) for state, found in rows}

    def replace(
        self, label: str, before: DamagedParts, journal: bytes, state: bytes, *, mentions: Collection[str] = ()
    ) -> tuple[str, ...]:
        return self._change_state(
            checked(label), lambda change: change.replace(before, journal, state, mentions, self._clock.now())
        )

    def move(self, label: str, target: str, before: bytes | None, journal: bytes) -> None:
        checked(target)
        self._change_state(checked(label), lambda change: change.move(target, before, journal))

    def wait(self, label: str, seconds: float) -> None:
        self._watch.wait(label, seconds)

    def grants(self, role: str, *, read_only: bool) -> str:
        """Return the statements that give a role the rights to read, or to read and write, all states here."""
        return self._schema.grants(role, read_only=read_only)

    def checks(self, label: str) -> Iterator[StoreCheck]:
        """Yield the checks of the database. They are the same for every state in it."""
        checked(label)
        yield from PostgresChecks(self._main, self._schema, self._store_error)

    def close(self) -> None:
        """Close the connections. They are opened again when they are needed."""
        for connection in (self._main, self._lease, self._listener):
            connection.drop()

    def _read(self, statement: str, **parameters: object) -> Rows:
        """Read rows; none when the tables are missing. Raises StoreError."""
        text = self._schema.statement(statement)
        try:
            return self._main.persist(lambda: self._main.run(text, parameters))
        except DatabaseFailure as failure:
            if failure.kind is FailureKind.ABSENT:
                return []
            raise self._store_error(failure, read_only=True) from failure

    def _change_state(self, label: str, change: Callable[[StateChange], _Result]) -> _Result:
        def carry_out() -> _Result:
            self._schema.prepare(self._main)
            with self._main.transaction() as run:
                return change(StateChange(self._schema, run, label))

        return self._change(carry_out, is_repeatable=False)

    def _change(self, operation: Callable[[], _Result], *, is_repeatable: bool = True) -> _Result:
        """Carry out a change. `is_repeatable` means that it may be carried out again after it was.

        Raises Conflict, Undecided or StoreError.
        """
        attempts, is_doubtful = self._main.attempts(), False
        while True:
            try:
                return operation()
            except DatabaseFailure as failure:
                if failure.kind is FailureKind.TAKEN:
                    raise Conflict("another run was faster") from failure
                is_doubtful |= not failure.is_harmless
                may_repeat = failure.is_passing and (is_repeatable or not is_doubtful)
                if not may_repeat or not next(attempts):
                    if is_doubtful or failure.kind not in NEEDS_PERSON:
                        raise Undecided(failure.reason) from failure
                    raise self._store_error(failure) from failure

    def _store_error(self, failure: DatabaseFailure, *, read_only: bool = False) -> StoreError:
        role = self._main.user or self._lease.user or "the_role"
        grants = self._schema.grants(role, read_only=read_only)
        return StoreError(diagnostic_of(failure, str(self._address), grants))


def checked(label: str) -> str:
    """Raises UsageError `store-label` for a label that names no state."""
    if not label.isprintable() or not 0 < len(label) <= _LONGEST_LABEL or "/" in label:
        hint = f"Use a name of at most {_LONGEST_LABEL} characters, without a slash."
        raise UsageError(error("store-label", f"{label!r} cannot name a state", hint=hint))
    return label
