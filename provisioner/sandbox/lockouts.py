"""The table of access keys with failed signatures. After too many failures in a row a key is locked for a while.

Source: docs/api/devserver-api.md section 6.1. Knows no signature.
"""

import sqlite3
from typing import Final

SCHEMA: Final = """
CREATE TABLE lockouts (access_key TEXT PRIMARY KEY, failures INTEGER NOT NULL, locked_until INTEGER NOT NULL) STRICT;
"""

_FAILURES_ALLOWED: Final = 5
_LOCK_MILLISECONDS: Final = 5 * 60_000


def is_locked(connection: sqlite3.Connection, access_key: str, *, now: int) -> bool:
    row = connection.execute(
        "SELECT 1 FROM lockouts WHERE access_key = ? AND locked_until > ?", (access_key, now)
    ).fetchone()
    return row is not None


def count_failure(connection: sqlite3.Connection, access_key: str, *, now: int) -> None:
    """Counts a failure. One too many locks the key and starts a new count."""
    connection.execute(
        "INSERT INTO lockouts (access_key, failures, locked_until) VALUES (?, 1, 0)"
        " ON CONFLICT DO UPDATE SET failures = failures + 1",
        (access_key,),
    )
    connection.execute(
        "UPDATE lockouts SET failures = 0, locked_until = ? WHERE access_key = ? AND failures > ?",
        (now + _LOCK_MILLISECONDS, access_key, _FAILURES_ALLOWED),
    )


def forget(connection: sqlite3.Connection, access_key: str) -> None:
    """Resets the count after a success."""
    connection.execute("DELETE FROM lockouts WHERE access_key = ?", (access_key,))
