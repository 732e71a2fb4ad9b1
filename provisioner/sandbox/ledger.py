"""The ledger: what was bought, paid, refunded and refused, in order.

Tests ask it how often money was really spent, so rows are only added; the database itself refuses changes.
"""

import sqlite3
from dataclasses import dataclass, fields
from typing import Final, Literal

from provisioner.sandbox.prices import CURRENCY

Kind = Literal["purchase", "payment", "refund", "release", "wipe", "refusal"]

SCHEMA: Final = """
CREATE TABLE ledger (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, kind TEXT NOT NULL, server_id TEXT, name TEXT,
  order_id TEXT, amount INTEGER NOT NULL, currency TEXT NOT NULL, account TEXT NOT NULL, caller TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;
CREATE TRIGGER ledger_rows_stay BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_rows_last BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
"""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One row. `amount` is in cents and never negative; the kind tells its direction. `time` is in milliseconds.

    purchase: one for each server of a create (pay-per-use: the price of the first hour; an unpaid order has no server
    id). payment: an order. release and refund: a server. wipe: a server whose system disk was replaced by another
    system. refusal: something that would have spent money or released a server, and was not carried out. `account` is
    an id; `caller` is the name of a user, or "billing".
    """

    sequence: int
    time: int
    kind: Kind
    server_id: str | None
    name: str | None
    order_id: str | None
    amount: int
    currency: str
    account: str
    caller: str
    detail: str


@dataclass(frozen=True, slots=True)
class Actor:
    """The account whose money a row is about, and who acted."""

    account: str
    name: str


_COLUMNS: Final = ", ".join(field.name for field in fields(LedgerEntry))


def append(
    connection: sqlite3.Connection,
    kind: Kind,
    *,
    time: int,
    by: Actor,
    server_id: str | None = None,
    name: str | None = None,
    order_id: str | None = None,
    amount: int = 0,
    detail: str = "",
) -> None:
    connection.execute(
        f"INSERT INTO ledger ({_COLUMNS}) VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - our own names
        (time, kind, server_id, name, order_id, amount, CURRENCY, by.account, by.name, detail),
    )


def entries(connection: sqlite3.Connection, *, after: int = 0) -> list[LedgerEntry]:
    """Yields the rows with a sequence above `after`, oldest first."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM ledger WHERE sequence > ? ORDER BY sequence", (after,))  # noqa: S608 - our own names
    return [LedgerEntry(*row) for row in rows]
