"""The table of IAM tokens. Only a token's digest is kept, so a world file lets no one in. Knows no password and no header."""

import hashlib
import secrets
import sqlite3
from dataclasses import dataclass
from typing import Final

LIFE_MILLISECONDS: Final = 24 * 3_600_000

SCHEMA: Final = """
CREATE TABLE tokens (
  digest TEXT PRIMARY KEY, user_id TEXT NOT NULL, project_id TEXT, domain_id TEXT, expires_at INTEGER NOT NULL
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a token is for: exactly one of the two (docs/api/devserver-api.md section 6.3)."""

    project_id: str | None = None
    domain_id: str | None = None


def issue(connection: sqlite3.Connection, user_id: str, scope: Scope, *, now: int) -> str:
    """A new token; those given out before stay good."""
    token = secrets.token_urlsafe(96)
    connection.execute("DELETE FROM tokens WHERE expires_at <= ?", (now,))
    connection.execute(
        "INSERT INTO tokens (digest, user_id, project_id, domain_id, expires_at) VALUES (?, ?, ?, ?, ?)",
        (_digest(token), user_id, scope.project_id, scope.domain_id, now + LIFE_MILLISECONDS),
    )
    return token


def look_up(connection: sqlite3.Connection, token: str, *, now: int) -> tuple[str, Scope] | None:
    """The user and scope of a token; None when it is unknown or has expired."""
    row = connection.execute(
        "SELECT user_id, project_id, domain_id FROM tokens WHERE digest = ? AND expires_at > ?", (_digest(token), now)
    ).fetchone()
    return None if row is None else (row[0], Scope(row[1], row[2]))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
