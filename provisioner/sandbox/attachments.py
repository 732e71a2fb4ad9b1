"""The table of public addresses and network ports that are bound to servers. They end with their server.

The wire form is kept unchanged. Any id is a free address or port, because the sandbox has no network service.
"""

import json
import sqlite3
from typing import Final, Literal

Kind = Literal["address", "port"]

SCHEMA: Final = """
CREATE TABLE attachments (
  kind TEXT NOT NULL, id TEXT NOT NULL, server_id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id)
) STRICT;
CREATE INDEX attachments_of_server ON attachments (server_id);
"""


def add(connection: sqlite3.Connection, kind: Kind, attached_id: str, *, server_id: str, body: dict[str, str]) -> None:
    connection.execute(
        "INSERT INTO attachments (kind, id, server_id, body) VALUES (?, ?, ?, ?)",
        (kind, attached_id, server_id, json.dumps(body)),
    )


def holder(connection: sqlite3.Connection, kind: Kind, attached_id: str) -> str | None:
    """Returns the id of the server to which it is bound."""
    row = connection.execute(
        "SELECT server_id FROM attachments WHERE kind = ? AND id = ?", (kind, attached_id)
    ).fetchone()
    return None if row is None else str(row[0])


def of_server(connection: sqlite3.Connection, kind: Kind, server_id: str) -> list[dict[str, str]]:
    rows = connection.execute(
        "SELECT body FROM attachments WHERE kind = ? AND server_id = ? ORDER BY rowid", (kind, server_id)
    )
    return [json.loads(body) for (body,) in rows]


def remove(connection: sqlite3.Connection, kind: Kind, attached_id: str) -> None:
    connection.execute("DELETE FROM attachments WHERE kind = ? AND id = ?", (kind, attached_id))


def remove_all(connection: sqlite3.Connection, server_id: str) -> None:
    connection.execute("DELETE FROM attachments WHERE server_id = ?", (server_id,))
