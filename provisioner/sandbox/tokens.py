"""The tables of IAM tokens and temporary keys.

Only the digest of a token is kept. A temporary secret must be kept, to verify what it signs; it opens nothing but
sandboxes.
"""

import hashlib
import hmac
import secrets
import sqlite3
from dataclasses import dataclass
from typing import Final

LIFE_MILLISECONDS: Final = 24 * 3_600_000

SCHEMA: Final = """
CREATE TABLE tokens (
  digest TEXT PRIMARY KEY, user_id TEXT NOT NULL, project_id TEXT, domain_id TEXT, expires_at INTEGER NOT NULL
) STRICT;
CREATE TABLE temporary_keys (
  access TEXT PRIMARY KEY, secret TEXT NOT NULL, digest TEXT NOT NULL, user_id TEXT NOT NULL, expires_at INTEGER NOT NULL
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Scope:
    """The scope of a token: a project, an account, or neither; then it can only be exchanged
    (docs/api/devserver-api.md section 6.3).
    """

    project_id: str | None = None
    domain_id: str | None = None


@dataclass(frozen=True, slots=True)
class TemporaryKeys:
    access_key: str
    secret_key: str
    security_token: str


def issue(connection: sqlite3.Connection, user_id: str, scope: Scope, *, now: int, expires_at: int) -> str:
    """Creates a new token. Earlier ones stay valid."""
    token = secrets.token_urlsafe(96)
    connection.execute("DELETE FROM tokens WHERE expires_at <= ?", (now,))
    connection.execute(
        "INSERT INTO tokens (digest, user_id, project_id, domain_id, expires_at) VALUES (?, ?, ?, ?, ?)",
        (_digest(token), user_id, scope.project_id, scope.domain_id, expires_at),
    )
    return token


def look_up(connection: sqlite3.Connection, token: str, *, now: int) -> tuple[str, Scope] | None:
    """Returns the user and the scope of a token; None if it is unknown or expired."""
    row = connection.execute(
        "SELECT user_id, project_id, domain_id FROM tokens WHERE digest = ? AND expires_at > ?", (_digest(token), now)
    ).fetchone()
    return None if row is None else (row[0], Scope(row[1], row[2]))


def expiry(connection: sqlite3.Connection, token: str) -> int:
    """Returns when a known token expires."""
    (expires_at,) = connection.execute("SELECT expires_at FROM tokens WHERE digest = ?", (_digest(token),)).fetchone()
    return int(expires_at)


def issue_keys(connection: sqlite3.Connection, user_id: str, *, now: int, expires_at: int) -> TemporaryKeys:
    keys = TemporaryKeys(secrets.token_hex(10).upper(), secrets.token_urlsafe(30), secrets.token_urlsafe(96))
    connection.execute("DELETE FROM temporary_keys WHERE expires_at <= ?", (now,))
    connection.execute(
        "INSERT INTO temporary_keys (access, secret, digest, user_id, expires_at) VALUES (?, ?, ?, ?, ?)",
        (keys.access_key, keys.secret_key, _digest(keys.security_token), user_id, expires_at),
    )
    return keys


def look_up_keys(
    connection: sqlite3.Connection, access_key: str, security_token: str, *, now: int
) -> tuple[str, str] | None:
    """Returns the user and the secret of temporary keys; None if they are unknown, expired, or belong to another
    security token.
    """
    row = connection.execute(
        "SELECT user_id, secret, digest FROM temporary_keys WHERE access = ? AND expires_at > ?", (access_key, now)
    ).fetchone()
    if row is None or not hmac.compare_digest(row[2], _digest(security_token)):
        return None
    return row[0], row[1]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
