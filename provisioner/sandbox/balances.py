"""The table of what each account has spent. Orders are paid from the balance, and refunds go back to it.

Pay-per-use, which the cloud settles by the hour, is priced in the ledger only.
"""

import sqlite3
from typing import Final

from provisioner.sandbox.accounts import Account

SCHEMA: Final = """
CREATE TABLE balances (account TEXT PRIMARY KEY, spent INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""


def covers(connection: sqlite3.Connection, account: Account, cents: int) -> bool:
    return account.balance is None or account.balance - _spent(connection, account.id) >= cents


def spend(connection: sqlite3.Connection, account_id: str, cents: int) -> None:
    """Adds to what the account has spent. A refund is a negative amount."""
    connection.execute(
        "INSERT INTO balances (account, spent) VALUES (?, ?) ON CONFLICT DO UPDATE SET spent = spent + excluded.spent",
        (account_id, cents),
    )


def _spent(connection: sqlite3.Connection, account_id: str) -> int:
    row = connection.execute("SELECT spent FROM balances WHERE account = ?", (account_id,)).fetchone()
    return 0 if row is None else int(row[0])
