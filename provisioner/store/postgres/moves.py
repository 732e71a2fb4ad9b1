"""The two changes of a whole state: a repair that replaces damaged parts, and a move to another label.

Each is one transaction that first locks the row of the journal's last record, so that no append gets between its steps.
Nothing is deleted: damaged parts are kept under dated names of logs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from typing import Final, TypeAlias

from provisioner.model.state import JournalHead
from provisioner.store.chain import head_of
from provisioner.store.contract import JOURNAL, START, Conflict, DamagedParts
from provisioner.store.lease_record import LEASE
from provisioner.store.postgres.connection import Parameters, Rows
from provisioner.store.postgres.schema import DatabaseSchema

Run: TypeAlias = Callable[[str, Parameters | None], Rows]
"""Carries out a statement in the transaction of a change."""
_ROW_SIZE: Final = 512 * 1024
"""Readers hold one row more than once, so a whole journal is not written as one."""
_CHANGED: Final = "it was changed while it was being looked at, and is left as it is"

_LOCK: Final = """
SELECT log, last_sequence, last_hash FROM $schema.logs WHERE state = %(state)s AND log <> %(lease)s FOR UPDATE"""
_JOURNAL_DIGEST: Final = """
SELECT encode(sha256(string_agg(data, ''::bytea ORDER BY first_sequence)), 'hex') FROM $schema.batches
WHERE state = %(state)s AND log = %(journal)s"""
_CHECKPOINTS: Final = """
SELECT sequence, data FROM $schema.checkpoints WHERE state = %(state)s ORDER BY sequence DESC FOR UPDATE"""
_KEPT: Final = """
SELECT 1 FROM $schema.logs WHERE state = %(target)s AND log <> %(lease)s
UNION ALL SELECT 1 FROM $schema.checkpoints WHERE state = %(target)s LIMIT 1"""
_BEGIN: Final = """
INSERT INTO $schema.logs (state, log, last_sequence, last_hash) VALUES (%(state)s, %(log)s, %(last)s, %(hash)s)"""
_ADD: Final = """
INSERT INTO $schema.batches (state, log, first_sequence, last_sequence, last_hash, mentions, data)
VALUES (%(state)s, %(log)s, %(first)s, %(last)s, %(hash)s, %(mentions)s::text[], %(data)s)"""
_ADVANCE: Final = """
UPDATE $schema.logs SET last_sequence = %(last)s, last_hash = %(hash)s WHERE state = %(state)s AND log = %(log)s"""


class StateChange:
    """A change of the state `label`, in the transaction in which `run` carries out statements."""

    def __init__(self, schema: DatabaseSchema, run: Run, label: str) -> None:
        self._schema = schema
        self._execute = run
        self._named: dict[str, object] = {"state": label, "lease": LEASE, "journal": JOURNAL}
        self._run("SELECT $durably")
        self._logs = {log: JournalHead(last, hash_) for log, last, hash_ in self._run(_LOCK)}

    def replace(
        self, before: DamagedParts, journal: bytes, state: bytes, mentions: Collection[str], moment: int
    ) -> tuple[str, ...]:
        """`moment` is in milliseconds since the epoch. Return the names of the logs that keep the damaged parts."""
        checkpoints = [data for _, data in self._run(_CHECKPOINTS)]
        newest, older = ([*checkpoints, None, None])[:2]
        if (newest, older) != (before.state, before.backup) or not self._is_journal(before.journal):
            raise Conflict(_CHANGED)
        mark = _mark(moment)
        kept = [f"{JOURNAL}.{mark}"] if JOURNAL in self._logs or before.journal is not None else []
        for table in ("batches", "logs"):
            self._run(
                f"UPDATE $schema.{table} SET log = %(kept)s WHERE state = %(state)s AND log = %(journal)s",  # noqa: S608 - one of two names
                kept=f"{JOURNAL}.{mark}",
            )
        for name, data in (("checkpoint", newest), ("checkpoint-before", older)):
            if data is not None:
                kept.append(f"{name}.{mark}")
                named = {"log": kept[-1], "last": 1, "hash": ""}
                self._run(_BEGIN, **named)
                self._run(_ADD, **named, first=1, mentions=None, data=data)
        self._run("DELETE FROM $schema.checkpoints WHERE state = %(state)s")
        self._extend(START, journal, sorted({*mentions}) or None)
        self._run(
            "INSERT INTO $schema.checkpoints (state, sequence, data) VALUES (%(state)s, %(sequence)s, %(data)s)",
            sequence=journal.count(b"\n"),
            data=state,
        )
        return tuple(kept)

    def move(self, target: str, before: bytes | None, journal: bytes) -> None:
        """Give the rows another label, and append what `journal` has more than `before`."""
        if self._run(_KEPT, target=target):
            raise Conflict("a state is kept under that label")
        if not self._is_journal(before) or not journal.startswith(before or b""):
            raise Conflict(_CHANGED)
        for table in ("logs", "batches", "checkpoints"):
            but_lease = "" if table == "checkpoints" else " AND log <> %(lease)s"
            self._run(
                f"UPDATE $schema.{table} SET state = %(target)s WHERE state = %(state)s{but_lease}",  # noqa: S608 - one of three names
                target=target,
            )
        self._named["state"] = target
        last = self._logs.get(JOURNAL, START) if before else START
        self._extend(last, journal[len(before or b"") :], None)

    def _extend(self, after: JournalHead, added: bytes, mentions: list[str] | None) -> None:
        """Append to the journal, as rows of moderate size. `mentions` are kept with the first one."""
        last, is_begun = after, after != START
        for piece in _pieces(added):
            first, last = last.sequence + 1, head_of(piece, after=last)
            named = {"log": JOURNAL, "last": last.sequence, "hash": last.hash}
            self._run(_ADVANCE if is_begun else _BEGIN, **named)
            self._run(_ADD, **named, first=first, mentions=mentions, data=piece)
            is_begun, mentions = True, None

    def _is_journal(self, expected: bytes | None) -> bool:
        """Whether the journal has these bytes. They are compared by their digest, without being fetched."""
        found = self._run(_JOURNAL_DIGEST)[0][0]
        return bool(found == (None if expected is None else hashlib.sha256(expected).hexdigest()))

    def _run(self, statement: str, **parameters: object) -> Rows:
        return self._execute(self._schema.statement(statement), {**self._named, **parameters})


def _mark(moment: int) -> str:
    time = datetime.fromtimestamp(moment / 1000, UTC)
    return f"before-{time:%Y%m%dT%H%M%S}.{time.microsecond // 1000:03}Z"


def _pieces(journal: bytes) -> Iterator[bytes]:
    """Yield whole lines, together as long as a row of the table may well be."""
    begin = 0
    while begin < len(journal):
        end = journal.find(b"\n", begin + _ROW_SIZE) + 1 or len(journal)
        yield journal[begin:end]
        begin = end
