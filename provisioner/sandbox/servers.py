"""The table of servers, their statuses and their form on the wire (docs/api/devserver-api.md sections 3.3 and 4).

A status that ends by itself carries the next status and when that comes; `settle` applies it. Knows no rule about
permissions.
"""

import json
import sqlite3
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Final, Literal

Status = Literal[
    "CREATING", "CREATE_FAILED", "RUNNING", "STARTING", "START_FAILED", "STOPPING", "STOPPED", "STOP_FAILED", "REBOOTING",
    "REBOOT_FAILED", "CHANGINGOS", "CHANGINGOS_FAILED", "REINSTALLINGOS", "REINSTALLINGOS_FAILED", "DELETING", "DELETED",
    "DELETE_FAILED", "ERROR",
]  # fmt: skip
SortColumn = Literal["create_at", "update_at"]
SortDirection = Literal["ASC", "DESC"]

TRANSITIONAL: Final[frozenset[Status]] = frozenset(
    {"CREATING", "STARTING", "STOPPING", "REBOOTING", "CHANGINGOS", "REINSTALLINGOS", "DELETING"}
)

# The indexes are those of the two lists, of an order's servers and of what is due. DELETED rows stay: billing still knows them.
SCHEMA: Final = """
CREATE TABLE servers (
  sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, project_id TEXT NOT NULL,
  owner TEXT NOT NULL, name TEXT NOT NULL, flavor TEXT, resource_flavor TEXT, image_id TEXT NOT NULL, image_name TEXT NOT NULL, arch TEXT NOT NULL,
  server_type TEXT NOT NULL, vpc_id TEXT NOT NULL, subnet_id TEXT NOT NULL, key_pair_name TEXT, volumes TEXT NOT NULL,
  charging_mode TEXT NOT NULL, order_id TEXT, price INTEGER NOT NULL, effective_at INTEGER, expire_at INTEGER,
  auto_renew INTEGER NOT NULL, renewals_left INTEGER, renewal_period TEXT, cloud_server_id TEXT NOT NULL, built INTEGER NOT NULL, status TEXT NOT NULL, create_at INTEGER NOT NULL, update_at INTEGER NOT NULL, due_status TEXT, due_at INTEGER,
  unlisted_until INTEGER, unshown_until INTEGER
) STRICT;
CREATE INDEX servers_of_project ON servers (project_id, create_at) WHERE status <> 'DELETED' AND unlisted_until IS NULL;
CREATE INDEX servers_of_owner ON servers (project_id, owner, create_at) WHERE status <> 'DELETED' AND unlisted_until IS NULL;
CREATE INDEX servers_unlisted ON servers (unlisted_until) WHERE unlisted_until IS NOT NULL;
CREATE INDEX servers_of_order ON servers (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX servers_expiring ON servers (expire_at) WHERE expire_at IS NOT NULL AND status <> 'DELETED';
CREATE INDEX servers_due ON servers (due_at) WHERE due_at IS NOT NULL;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One row. `built` tells whether there is, or was, a machine; `volumes` is the wire form as JSON text; `price` is
    the price of the current term in cents; times are milliseconds.

    The term of a prepaid server runs from `effective_at` to `expire_at`. With `auto_renew`, billing then buys another
    term, `renewals_left` times (None: without end), for a `renewal_period` (None: as long as the last).

    A server with `unlisted_until` is not in lists until then; one with `unshown_until` is not found by its id either.
    """

    sequence: int
    id: str
    account: str
    project_id: str
    owner: str
    name: str
    flavor: str | None
    resource_flavor: str | None
    image_id: str
    image_name: str
    arch: str
    server_type: str
    vpc_id: str
    subnet_id: str
    key_pair_name: str | None
    volumes: str
    charging_mode: str
    order_id: str | None
    price: int
    effective_at: int | None
    expire_at: int | None
    auto_renew: bool
    renewals_left: int | None
    renewal_period: Literal["MONTH", "YEAR"] | None
    cloud_server_id: str
    built: bool
    status: Status
    create_at: int
    update_at: int
    due_status: Status | None
    due_at: int | None
    unlisted_until: int | None = None
    unshown_until: int | None = None

    @property
    def spec(self) -> str:
        """The flavor, under whichever of the two names it was bought."""
        name = self.flavor or self.resource_flavor
        assert name is not None
        return name

    def wire(self) -> dict[str, object]:
        """The form that the API shows. Absent values are left out, and values that section 3.3 says are never echoed
        have no column.
        """
        body: dict[str, object] = {
            "id": self.id,
            "name": self.name,
            "flavor": self.flavor,
            "resource_flavor": self.resource_flavor,
            "status": self.status,
            "charging_mode": self.charging_mode,
            "order_id": self.order_id,
            "key_pair_name": self.key_pair_name,
            "vpc_id": self.vpc_id,
            "subnet_id": self.subnet_id,
            "image": self._image(),
            "cloud_server": {"type": self.server_type},
            "create_at": self.create_at,
            "update_at": self.update_at,
        }
        if self.built:
            body["cloud_server"] = {"id": self.cloud_server_id, "type": self.server_type}
            body["endpoints"] = [self._endpoint()]
            body["volumes"] = json.loads(self.volumes)
        return {name: value for name, value in body.items() if value is not None}

    def _image(self) -> dict[str, str]:
        return {
            "arch": self.arch,
            "image_id": self.image_id,
            "name": self.image_name,
            "server_type": self.server_type,
            "status": "ACTIVE",
        }

    def _endpoint(self) -> dict[str, object]:
        address = f"192.168.{self.sequence // 254 % 256}.{self.sequence % 254 + 1}"
        key_pairs = [self.key_pair_name] if self.key_pair_name else []
        return {"dev_service": "SSH", "service": "SSH", "uri": address, "key_pair_names": key_pairs}


_NAMES: Final = tuple(field.name for field in fields(Server))
_values: Final = attrgetter(*_NAMES)
_COLUMNS: Final = ", ".join(_NAMES)
_SELECT: Final = f"SELECT {_COLUMNS} FROM servers"  # noqa: S608 - our own names
_INSERT: Final = f"INSERT INTO servers ({_COLUMNS}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608 - our own names


def settle(connection: sqlite3.Connection, now: int) -> None:
    """Moves every status that has ended by `now` to the next one."""
    connection.execute(
        "UPDATE servers SET status = due_status, built = max(built, due_status = 'RUNNING'), update_at = due_at,"
        " due_status = NULL, due_at = NULL WHERE due_at <= ?",
        (now,),
    )
    connection.execute(
        "UPDATE servers SET unlisted_until = iif(unlisted_until > ?, unlisted_until, NULL),"
        " unshown_until = iif(unshown_until > ?, unshown_until, NULL) WHERE unlisted_until IS NOT NULL",
        (now, now),
    )


def next_sequence(connection: sqlite3.Connection) -> int:
    (highest,) = connection.execute("SELECT coalesce(max(sequence), 0) FROM servers").fetchone()
    return int(highest) + 1


def add(connection: sqlite3.Connection, server: Server) -> None:
    connection.execute(_INSERT, _values(server))


def find(connection: sqlite3.Connection, server_id: str) -> Server | None:
    """Returns the server with this id, also if it is DELETED."""
    return _one(connection.execute(f"{_SELECT} WHERE id = ?", (server_id,)))


def of_order(connection: sqlite3.Connection, order_id: str) -> list[Server]:
    """Returns all servers of one order in the order of their creation, also DELETED ones."""
    return _all(connection.execute(f"{_SELECT} WHERE order_id = ? ORDER BY sequence", (order_id,)))


def subscribed(connection: sqlite3.Connection, account: str) -> list[Server]:
    """Returns all prepaid servers that an account ever had."""
    return _all(
        connection.execute(f"{_SELECT} WHERE account = ? AND order_id IS NOT NULL ORDER BY sequence", (account,))
    )


def expiring(connection: sqlite3.Connection, until: int) -> list[Server]:
    """Returns the prepaid servers whose term ends by then."""
    return _all(connection.execute(f"{_SELECT} WHERE expire_at <= ? AND status <> 'DELETED'", (until,)))


def count(connection: sqlite3.Connection, project_id: str) -> int:
    """Returns how many servers a project has, including those that are being deleted."""
    (total,) = connection.execute(
        "SELECT count(*) FROM servers WHERE project_id = ? AND status <> 'DELETED'", (project_id,)
    ).fetchone()
    return int(total)


def hide(connection: sqlite3.Connection, *, since: int, until: int, show: bool) -> None:
    """Hides all servers from the sequence `since` on from lists, and without `show` also from reading by id. The
    longest hiding counts.
    """
    connection.execute(
        "UPDATE servers SET unlisted_until = max(coalesce(unlisted_until, 0), ?),"
        " unshown_until = CASE WHEN ? THEN unshown_until ELSE max(coalesce(unshown_until, 0), ?) END WHERE sequence >= ?",
        (until, show, until, since),
    )


def page(
    connection: sqlite3.Connection,
    project_id: str,
    *,
    owner: str | None,
    hidden: tuple[str, ...] = (),
    sort: tuple[SortColumn, SortDirection],
    limit: int,
    offset: int,
) -> tuple[list[Server], int]:
    """Returns one page and the total. `owner` None lists the whole project, without servers of `hidden` users. Equal
    rows keep the order of creation.
    """
    column, direction = sort
    where, values = "project_id = ? AND status <> 'DELETED' AND unlisted_until IS NULL", [project_id]
    if owner is not None:
        where, values = f"{where} AND owner = ?", [project_id, owner]
    if hidden:
        where, values = f"{where} AND owner NOT IN ({', '.join('?' * len(hidden))})", [*values, *hidden]
    (total,) = connection.execute(f"SELECT count(*) FROM servers WHERE {where}", values).fetchone()  # noqa: S608 - our own text
    rows = connection.execute(
        f"{_SELECT} WHERE {where} ORDER BY {column} {direction}, sequence {direction} LIMIT ? OFFSET ?",
        (*values, limit, offset),
    )
    return _all(rows), int(total)


def change(connection: sqlite3.Connection, server: Server, **columns: object) -> None:
    """Writes values into columns. The column names come from the program, never from a client."""
    assignments = ", ".join(f"{name} = ?" for name in columns)
    connection.execute(f"UPDATE servers SET {assignments} WHERE id = ?", (*columns.values(), server.id))  # noqa: S608 - our own names


def hide_one(connection: sqlite3.Connection, server_id: str, *, until: int) -> None:
    """Hides one server from lists and from reading by id."""
    connection.execute(
        "UPDATE servers SET unlisted_until = ?, unshown_until = ? WHERE id = ?", (until, until, server_id)
    )


def transit(
    connection: sqlite3.Connection, server_id: str, via: Status, *, end: Status, now: int, milliseconds: int
) -> None:
    """Gives a server a status that lasts for so long and then becomes `end`."""
    connection.execute(
        "UPDATE servers SET status = ?, update_at = ?, due_status = ?, due_at = ? WHERE id = ?",
        (via, now, end, now + milliseconds, server_id),
    )


def detachable_volumes(server: Server) -> set[str]:
    """Returns the ids of its disks except the system disk."""
    return {disk["evs_id"] for disk in json.loads(server.volumes) if disk["type"] == "DATA"}


def _one(rows: sqlite3.Cursor) -> Server | None:
    return next(iter(_all(rows)), None)


def _all(rows: sqlite3.Cursor) -> list[Server]:
    return [Server(**dict(zip(_NAMES, row, strict=True))) for row in rows]
