"""The table of disk operations, the only actions of a server that answer with an id (docs/api/devserver-api.md
section 2.4).

It knows what an operation does to the disks of a server, but not who may ask for one.
"""

import json
import sqlite3
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Final, Literal

Kind = Literal["node_attach_volume", "node_detach_volume"]

SCHEMA: Final = """
CREATE TABLE operations (
  id TEXT PRIMARY KEY, server_id TEXT NOT NULL, kind TEXT NOT NULL, volume_id TEXT NOT NULL, status TEXT NOT NULL,
  begin_at INTEGER NOT NULL, end_at INTEGER NOT NULL
) STRICT;
CREATE INDEX operations_open ON operations (end_at) WHERE status <> 'success';
"""

_DISK_GIGABYTES: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row: pending until `begin_at`, running until `end_at` (milliseconds), then done."""

    id: str
    server_id: str
    kind: Kind
    volume_id: str
    status: Literal["pending", "running", "success"] = "pending"
    begin_at: int
    end_at: int

    def wire(self) -> dict[str, object]:
        return {"operation_id": self.id, "operation_status": self.status, "operation_type": self.kind}


_NAMES: Final = tuple(field.name for field in fields(Operation))
_values: Final = attrgetter(*_NAMES)
_SELECT: Final = f"SELECT {', '.join(_NAMES)} FROM operations"  # noqa: S608 - our own names
_INSERT: Final = f"INSERT INTO operations ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608 - our own names


def settle(connection: sqlite3.Connection, now: int) -> None:
    """Applies every operation that has begun or ended by `now` to the disks of its server."""
    connection.execute(
        "UPDATE operations SET status = 'running' WHERE status = 'pending' AND begin_at <= ? AND end_at > ?", (now, now)
    )
    for operation in _all(connection.execute(f"{_SELECT} WHERE status <> 'success' AND end_at <= ?", (now,))):
        _apply(connection, operation)
        connection.execute("UPDATE operations SET status = 'success' WHERE id = ?", (operation.id,))


def add(connection: sqlite3.Connection, operation: Operation) -> None:
    connection.execute(_INSERT, _values(operation))


def find(connection: sqlite3.Connection, server_id: str, operation_id: str) -> Operation | None:
    rows = connection.execute(f"{_SELECT} WHERE id = ? AND server_id = ?", (operation_id, server_id))
    return next(iter(_all(rows)), None)


def is_busy(connection: sqlite3.Connection, volume_id: str) -> bool:
    """Returns whether a disk is being attached to or detached from a server."""
    row = connection.execute("SELECT 1 FROM operations WHERE volume_id = ? AND status <> 'success'", (volume_id,))
    return row.fetchone() is not None


def holder(connection: sqlite3.Connection, volume_id: str) -> str | None:
    """Returns the id of the server that has the disk."""
    row = connection.execute(
        "SELECT servers.id FROM servers, json_each(servers.volumes) AS disk"
        " WHERE disk.value ->> 'evs_id' = ? AND status <> 'DELETED'",
        (volume_id,),
    ).fetchone()
    return None if row is None else str(row[0])


def _apply(connection: sqlite3.Connection, operation: Operation) -> None:
    row = connection.execute("SELECT volumes FROM servers WHERE id = ?", (operation.server_id,)).fetchone()
    disks = [disk for disk in json.loads(row[0]) if disk["evs_id"] != operation.volume_id]
    if operation.kind == "node_attach_volume":
        disks.append({"type": "DATA", "evs_type": "SSD", "size": _DISK_GIGABYTES, "evs_id": operation.volume_id})
    connection.execute(
        "UPDATE servers SET volumes = ?, update_at = ? WHERE id = ?",
        (json.dumps(disks), operation.end_at, operation.server_id),
    )


def _all(rows: sqlite3.Cursor) -> list[Operation]:
    return [Operation(**dict(zip(_NAMES, row, strict=True))) for row in rows]
