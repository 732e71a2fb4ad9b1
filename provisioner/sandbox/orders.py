"""The table of orders and their form on the wire (docs/api/devserver-api.md section 8).

Like a server, an order carries its next status and when that comes. Knows no server.
"""

import secrets
import sqlite3
import string
from dataclasses import dataclass, fields
from enum import IntEnum
from operator import attrgetter
from typing import Any, Final

from provisioner.sandbox.clock import iso_time, moment
from provisioner.sandbox.prices import CURRENCY, MEASURE_ID, PeriodType, yuan


class OrderStatus(IntEnum):
    PENDING_APPROVAL = 1
    PROCESSING = 3
    CANCELLED = 4
    COMPLETED = 5
    PENDING_PAYMENT = 6


class OrderType(IntEnum):
    NEW = 1
    RENEW = 2
    UNSUBSCRIBE = 4


SCHEMA: Final = """
CREATE TABLE orders (
  id TEXT PRIMARY KEY, account TEXT NOT NULL, order_type INTEGER NOT NULL, status INTEGER NOT NULL, amount INTEGER NOT NULL,
  create_at INTEGER NOT NULL, payment_at INTEGER, pending_until INTEGER, flavor TEXT, period_type TEXT, period_num INTEGER,
  subscription_num INTEGER, effective_at INTEGER, expire_at INTEGER, blueprint TEXT, due_status INTEGER, due_at INTEGER
) STRICT;
CREATE INDEX orders_by_time ON orders (account, create_at);
CREATE INDEX orders_due ON orders (due_at) WHERE due_at IS NOT NULL;
"""

SERVICE_TYPE: Final = "hws.service.type.modelarts"
"""Not published for DevServers; the sandbox's own choice."""

_ALPHABET: Final = string.ascii_uppercase + string.digits
_LINE_PERIODS: Final[dict[PeriodType, int]] = {"DAY": 0, "WEEK": 1, "MONTH": 2, "YEAR": 3, "HOUR": 4, "ABSOLUTE": 5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One row. `amount` is in cents; times are milliseconds; the fields of a period are None for an unsubscription.

    `blueprint` is what paying it builds, as JSON text; `pending_until` is when it is cancelled if nobody pays.
    """

    id: str
    account: str
    order_type: OrderType
    status: OrderStatus
    amount: int
    create_at: int
    payment_at: int | None = None
    pending_until: int | None = None
    flavor: str | None = None
    period_type: PeriodType | None = None
    period_num: int | None = None
    subscription_num: int | None = None
    effective_at: int | None = None
    expire_at: int | None = None
    blueprint: str | None = None
    due_status: OrderStatus | None = None
    due_at: int | None = None

    def wire(self) -> dict[str, object]:
        body = {
            "order_id": self.id,
            "customer_id": self.account,
            "status": self.status,
            "order_type": self.order_type,
            "amount_after_discount": yuan(self.amount),
            "official_amount": yuan(self.amount),
            "create_time": iso_time(self.create_at),
            "payment_time": _time(self.payment_at),
            "pending_payment_end_time": _time(self.pending_until),
            "currency": CURRENCY,
            "measure_id": MEASURE_ID,
            "service_type_code": SERVICE_TYPE,
        }
        return {name: value for name, value in body.items() if value is not None}

    def line_items(self) -> list[dict[str, object]]:
        if self.period_type is None:
            return []
        body = {
            "order_line_item_id": f"{self.id}-1",
            "product_spec_desc": self.flavor,
            "period_type": _LINE_PERIODS[self.period_type],
            "period_num": self.period_num,
            "effective_time": _time(self.effective_at),
            "expire_time": _time(self.expire_at),
            "subscription_num": self.subscription_num,
            "amount_after_discount": yuan(self.amount),
            "official_amount": yuan(self.amount),
            "currency": CURRENCY,
        }
        return [{name: value for name, value in body.items() if value is not None}]


@dataclass(frozen=True, slots=True)
class Search:
    """The filter of a list of orders; None matches everything."""

    account: str
    order_id: str | None
    status: int | None
    order_type: int | None
    created_from: int | None
    created_to: int | None
    paid_from: int | None
    paid_to: int | None
    newest_first: bool


_NAMES: Final = tuple(field.name for field in fields(Order))
_values: Final = attrgetter(*_NAMES)
_COLUMNS: Final = ", ".join(_NAMES)
_SELECT: Final = f"SELECT {_COLUMNS} FROM orders"  # noqa: S608 - our own names
_INSERT: Final = f"INSERT INTO orders ({_COLUMNS}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608 - our own names


def new_id(now: int) -> str:
    """Returns an id like the vendor's: CS and the minute. The random part is longer, so that ids do not repeat in a
    busy minute.
    """
    return f"CS{moment(now):%y%m%d%H%M}{''.join(secrets.choice(_ALPHABET) for _ in range(12))}"


def settle(connection: sqlite3.Connection, now: int) -> None:
    """Moves every order whose status has ended by `now` to the next one. Approved orders wait for payment, and are
    then cancelled.
    """
    connection.execute(
        "UPDATE orders SET status = due_status, due_status = ?, due_at = pending_until WHERE due_at <= ? AND due_status = ?",
        (OrderStatus.CANCELLED, now, OrderStatus.PENDING_PAYMENT),
    )
    connection.execute(
        "UPDATE orders SET status = due_status, due_status = NULL, due_at = NULL WHERE due_at <= ?",
        (now,),
    )


def add(connection: sqlite3.Connection, order: Order) -> None:
    connection.execute(_INSERT, _values(order))


def find(connection: sqlite3.Connection, account: str, order_id: str) -> Order | None:
    rows = connection.execute(f"{_SELECT} WHERE id = ? AND account = ?", (order_id, account))
    return next(iter(_all(rows)), None)


def change(connection: sqlite3.Connection, order: Order) -> None:
    """Replaces the order with the same id."""
    assignments = ", ".join(f"{name} = ?" for name in _NAMES)
    connection.execute(f"UPDATE orders SET {assignments} WHERE id = ?", (*_values(order), order.id))  # noqa: S608 - our own names


def page(connection: sqlite3.Connection, search: Search, *, limit: int, offset: int) -> tuple[list[Order], int]:
    conditions: dict[str, object | None] = {
        "account = ?": search.account,
        "id = ?": search.order_id,
        "status = ?": search.status,
        "order_type = ?": search.order_type,
        "create_at >= ?": search.created_from,
        "create_at <= ?": search.created_to,
        "payment_at >= ?": search.paid_from,
        "payment_at <= ?": search.paid_to,
    }
    asked = {condition: value for condition, value in conditions.items() if value is not None}
    where = " AND ".join(asked)
    values = tuple(asked.values())
    (total,) = connection.execute(f"SELECT count(*) FROM orders WHERE {where}", values).fetchone()  # noqa: S608 - our own text
    direction = "DESC" if search.newest_first else "ASC"
    rows = connection.execute(
        f"{_SELECT} WHERE {where} ORDER BY create_at {direction}, rowid {direction} LIMIT ? OFFSET ?",
        (*values, limit, offset),
    )
    return _all(rows), int(total)


def _all(rows: sqlite3.Cursor) -> list[Order]:
    return [_order(dict(zip(_NAMES, row, strict=True))) for row in rows]


def _order(row: dict[str, Any]) -> Order:
    return Order(**row | {"order_type": OrderType(row["order_type"]), "status": OrderStatus(row["status"])})


def _time(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else iso_time(milliseconds)
