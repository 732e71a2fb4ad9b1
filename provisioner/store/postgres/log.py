"""A log in the database. One statement appends to it, in one round trip."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Final

from provisioner.model.diagnostic import StoreError
from provisioner.model.state import JournalHead
from provisioner.store.chain import head_of, is_closing, line_ending
from provisioner.store.contract import START, Conflict, LastRecord, NotInLog, NotWritten, Undecided
from provisioner.store.lease_record import LEASE
from provisioner.store.postgres.connection import DatabaseConnection, Parameters, Rows
from provisioner.store.postgres.failures import NEEDS_PERSON, DatabaseFailure, FailureKind
from provisioner.store.postgres.schema import DatabaseSchema

KEPT_LEASE_RECORDS: Final = 1000
_TRIMMED_EVERY: Final = 100
"""The rows of older lease records are deleted with every hundredth renewal."""
_QUEUE_FULL: Final = "54000"
"""The SQLSTATE of a full queue of notifications: one listener that stands still must not stop every append."""
_CLOSED: Final = "it is closed: nothing is ever written behind its last record"

_BEGIN: Final = """
    INSERT INTO $schema.logs (state, log, last_sequence, last_hash, closed)
    SELECT %(state)s::text, %(log)s::text, %(last)s::bigint, %(hash)s::text, %(closed)s::boolean FROM durable
    ON CONFLICT DO NOTHING RETURNING 1"""
_ADVANCE: Final = """
    UPDATE $schema.logs SET last_sequence = %(last)s, last_hash = %(hash)s, closed = %(closed)s FROM durable
    WHERE state = %(state)s AND log = %(log)s AND last_sequence = %(after)s AND last_hash = %(after_hash)s AND NOT closed
    RETURNING 1"""
_TRIM: Final = """trimmed AS (
    DELETE FROM $schema.batches
    WHERE state = %(state)s AND log = %(log)s AND first_sequence <= %(trimmed)s AND EXISTS (SELECT 1 FROM head)
), """
_APPEND: Final = """
WITH durable AS MATERIALIZED (SELECT $durably AS level),
head AS ($head),
$trim added AS (
    INSERT INTO $schema.batches (state, log, first_sequence, last_sequence, last_hash, closed, mentions, data)
    SELECT %(state)s, %(log)s, %(first)s, %(last)s, %(hash)s, %(closed)s, %(mentions)s::text[], %(data)s::bytea FROM head
    RETURNING 1
)
SELECT CASE WHEN %(notify)s THEN pg_notify(%(channel)s, %(state)s::text)::text END FROM added"""
_CONFIRM: Final = """
WITH durable AS MATERIALIZED (SELECT $durably AS level)
UPDATE $schema.logs SET last_hash = last_hash FROM durable
WHERE state = %(state)s AND log = %(log)s RETURNING last_sequence, last_hash, closed"""
_READ: Final = """
SELECT data FROM $schema.batches WHERE state = %(state)s AND log = %(log)s ORDER BY first_sequence"""
_READ_FROM: Final = """
SELECT data FROM $schema.batches WHERE state = %(state)s AND log = %(log)s AND first_sequence >= (
    SELECT max(first_sequence) FROM $schema.batches
    WHERE state = %(state)s AND log = %(log)s AND first_sequence <= %(at)s
) ORDER BY first_sequence"""
_READ_BATCH: Final = """
SELECT data FROM $schema.batches WHERE state = %(state)s AND log = %(log)s AND first_sequence = %(first)s"""
_LAST: Final = """
SELECT data, extract(epoch FROM clock_timestamp() - written_at)::float8 FROM $schema.batches
WHERE state = %(state)s AND log = %(log)s ORDER BY first_sequence DESC LIMIT 1"""


@dataclass(frozen=True, slots=True)
class LogPlace:
    """Where a log is: its rows, the connection that reads and writes them, and how failures are told."""

    state: str
    log: str
    schema: DatabaseSchema
    connection: DatabaseConnection
    store_error: Callable[[DatabaseFailure], StoreError]

    @property
    def key(self) -> dict[str, object]:
        return {"state": self.state, "log": self.log}


class PostgresLog:
    """One log of one state."""

    def __init__(self, place: LogPlace) -> None:
        self._place = place
        self._doubtful: tuple[JournalHead, bytes] | None = None
        """An append of which an attempt may have been carried out."""

    def read(self, at: JournalHead = START) -> Iterator[bytes]:
        pieces = self._rows(_READ) if at == START else self._rows(_READ_FROM, at=at.sequence)
        if at != START:
            pieces = _from_record(pieces, at)
        yield from pieces

    def last(self) -> LastRecord | None:
        rows = self._place_rows(_LAST, {})
        if not rows:
            return None
        data, age = rows[0]
        return LastRecord(data.rstrip(b"\n").rpartition(b"\n")[2], max(0.0, age))

    def append(
        self, after: JournalHead, batch: bytes, *, sending: bool = False, mentions: Collection[str] = ()
    ) -> JournalHead:
        """Append a batch. Failures that pass are met with the same bytes again for a short while."""
        del sending  # a database has no space that could be reserved for the answer
        if not batch:
            self._repeat(after, batch, lambda: self._confirm(after))
            return after
        head = head_of(batch, after=after)
        self._repeat(after, batch, lambda: self._append(after, batch, head, mentions))
        return head

    def close(self, after: JournalHead, batch: bytes) -> None:
        self.append(after, batch)

    def release(self) -> None:
        """The connection is the backend's, so nothing is open here."""

    def _repeat(self, after: JournalHead, batch: bytes, attempt: Callable[[], None]) -> None:
        if self._doubtful != (after, batch):
            self._doubtful = None
        attempts = self._place.connection.attempts()
        while True:
            try:
                attempt()
            except DatabaseFailure as failure:
                if not failure.is_harmless:
                    self._doubtful = after, batch
                if not failure.is_passing or not next(attempts):
                    raise self._outcome(failure) from failure
            else:
                self._doubtful = None
                return

    def _outcome(self, failure: DatabaseFailure) -> Exception:
        """Return what is known after the last attempt: it may be another one that was carried out."""
        if self._doubtful is not None:
            return Undecided(failure.reason)
        if failure.kind in NEEDS_PERSON:
            return self._place.store_error(failure)
        return NotWritten(failure.reason)

    def _append(self, after: JournalHead, batch: bytes, head: JournalHead, mentions: Collection[str]) -> None:
        parameters = {
            **self._place.key,
            "after": after.sequence,
            "after_hash": after.hash,
            "first": after.sequence + 1,
            "last": head.sequence,
            "hash": head.hash,
            "closed": is_closing(batch),
            "mentions": sorted({*mentions}) or None,
            "data": batch,
            "notify": True,
            "channel": self._place.schema.channel,
            "trimmed": head.sequence - KEPT_LEASE_RECORDS,
        }
        is_trimming = self._place.log == LEASE and head.sequence % _TRIMMED_EVERY == 0
        statement = _APPEND.replace("$head", _BEGIN if after == START else _ADVANCE)
        statement = statement.replace("$trim", _TRIM if is_trimming else "")
        if not self._write(statement, parameters):
            self._require_own(after, batch)

    def _write(self, statement: str, parameters: dict[str, object]) -> Rows:
        """Write, after creating tables that are missing, and without a notification where their queue is full."""
        place = self._place
        statement = place.schema.statement(statement)
        place.schema.prepare(place.connection)
        try:
            return place.connection.write(statement, parameters)
        except DatabaseFailure as failure:
            if failure.kind is FailureKind.TAKEN:
                return []
            if failure.sqlstate != _QUEUE_FULL:
                raise
            return place.connection.write(statement, {**parameters, "notify": False})

    def _require_own(self, after: JournalHead, batch: bytes) -> None:
        """Decide what it means that nothing was inserted: these very bytes stand there already, or another's.

        Bytes whose commit gave up waiting for a standby can be read. They count once a later commit was waited for.
        """
        rows = self._run(_READ_BATCH, {"first": after.sequence + 1})
        if rows and rows[0][0] == batch:
            self._run_durably(_CONFIRM)
            return
        found = self._run_durably(_CONFIRM) if not rows else [()]
        if found and found[0] == (after.sequence, after.hash, True):
            raise Conflict(_CLOSED)
        if rows:
            raise Conflict("somebody else's record stands behind that one")
        raise Conflict(f"it does not end with record {after.sequence} any more")

    def _confirm(self, after: JournalHead) -> None:
        """Make what stands there durable, if it ends with that record."""
        rows = self._run_durably(_CONFIRM)
        last = JournalHead(*rows[0][:2]) if rows else START
        if last != after:
            raise Conflict("it has other records behind that one")
        if rows and rows[0][2]:
            raise Conflict(_CLOSED)

    def _run(self, statement: str, parameters: Parameters) -> Rows:
        return self._place.connection.run(self._place.schema.statement(statement), {**self._place.key, **parameters})

    def _run_durably(self, statement: str) -> Rows:
        return self._place.connection.write(self._place.schema.statement(statement), self._place.key)

    def _rows(self, statement: str, **parameters: object) -> list[bytes]:
        return [row[0] for row in self._place_rows(statement, parameters)]

    def _place_rows(self, statement: str, parameters: Parameters) -> Rows:
        """Read rows; none when the tables are missing. Raises StoreError."""
        place = self._place
        text = place.schema.statement(statement)
        try:
            return place.connection.persist(lambda: place.connection.stream(text, {**place.key, **parameters}))
        except DatabaseFailure as failure:
            if failure.kind is FailureKind.ABSENT:
                return []
            raise place.store_error(failure) from failure


def _from_record(pieces: list[bytes], at: JournalHead) -> list[bytes]:
    """Drop the records of the first batch that stand before the one to begin with. Raises NotInLog."""
    position = pieces[0].find(line_ending(at)) if pieces else -1
    if position < 0:
        raise NotInLog(f"it holds no record {at.sequence} with that hash")
    begin = pieces[0].rfind(b"\n", 0, position) + 1
    return [pieces[0][begin:], *pieces[1:]]
