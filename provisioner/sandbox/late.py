"""The table of requests that were received and not yet carried out.

Each is kept completely, including passwords in its body, until it is due. The transaction that carries it out removes
it.
"""

import json
import sqlite3
from dataclasses import asdict, dataclass, fields
from operator import attrgetter
from typing import Any, Final, Self

from provisioner.sandbox.faults import Lag

SCHEMA: Final = """
CREATE TABLE late (
  sequence INTEGER PRIMARY KEY, due_at INTEGER NOT NULL, operation TEXT NOT NULL, path TEXT NOT NULL, query TEXT NOT NULL,
  body BLOB NOT NULL, lags TEXT NOT NULL, account TEXT NOT NULL, user_id TEXT NOT NULL, user_name TEXT NOT NULL,
  project_id TEXT, domain_id TEXT
) STRICT;
CREATE INDEX late_due ON late (due_at);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LateRequest:
    """A request with its due time in milliseconds. `account`, `user_id` and the like are the caller's."""

    due_at: int
    operation: str
    path: dict[str, str]
    query: dict[str, str]
    body: bytes
    lags: tuple[Lag, ...]
    account: str
    user_id: str
    user_name: str
    project_id: str | None
    domain_id: str | None

    def row(self) -> tuple[object, ...]:
        texts = {
            "path": json.dumps(self.path),
            "query": json.dumps(self.query),
            "lags": json.dumps([asdict(lag) for lag in self.lags]),
        }
        return tuple(texts.get(name, value) for name, value in zip(_NAMES, _values(self), strict=True))

    @classmethod
    def parse(cls, row: tuple[Any, ...]) -> Self:
        values = dict(zip(_NAMES, row, strict=True))
        texts = {
            "path": json.loads(values["path"]),
            "query": json.loads(values["query"]),
            "lags": tuple(Lag(**lag) for lag in json.loads(values["lags"])),
        }
        return cls(**values | texts)


_NAMES: Final = tuple(field.name for field in fields(LateRequest))
_values: Final = attrgetter(*_NAMES)
_COLUMNS: Final = ", ".join(_NAMES)


def keep(connection: sqlite3.Connection, request: LateRequest) -> None:
    marks = ", ".join("?" * len(_NAMES))
    connection.execute(f"INSERT INTO late ({_COLUMNS}) VALUES ({marks})", request.row())  # noqa: S608 - our own names


def bring_forward(connection: sqlite3.Connection, now: int) -> None:
    """Makes all kept requests due now."""
    connection.execute("UPDATE late SET due_at = ? WHERE due_at > ?", (now, now))


def take_due(connection: sqlite3.Connection, now: int) -> LateRequest | None:
    """Removes and returns the request that has been due the longest."""
    row = connection.execute(
        f"SELECT sequence, {_COLUMNS} FROM late WHERE due_at <= ? ORDER BY due_at, sequence LIMIT 1",  # noqa: S608 - our own names
        (now,),
    ).fetchone()
    if row is None:
        return None
    connection.execute("DELETE FROM late WHERE sequence = ?", (row[0],))
    return LateRequest.parse(row[1:])
