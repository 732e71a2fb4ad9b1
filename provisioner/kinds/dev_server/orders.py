"""Reads, pays and cancels the order of a prepaid server, and finds out what it has bought.

Source: docs/api/devserver-api.md section 8. The flows decide when which of it is right.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from provisioner.kinds.dev_server import rows
from provisioner.model.billing import (
    ORDERS,
    SUBSCRIPTIONS,
    OrderStatus,
    PageSummary,
    is_order_id,
    order_path,
    order_status,
    read_pages,
)
from provisioner.model.flow import Answer, Call, CallFailed, Effect, Outcome, ReadFlow, Reply, Service
from provisioner.model.purchase_policy import Trace
from provisioner.model.resource import Fields
from provisioner.model.resource_id import resource_ids

_PAYMENT = "/v3/orders/customer-orders/pay"
_CANCELLATION = f"{ORDERS}/cancel"
_NEW = 1
_PAGE = 100
_MAX_ORDERS_READ = 50
"""How many orders are read to find the one that has bought a server."""
_PAID_WITHIN = 8 * 24 * 60 * 60 * 1000
"""Milliseconds. An order lapses after about seven days, so no server is created longer than that after its order."""
_CLOCK_TOLERANCE = 15 * 60 * 1000
"""Milliseconds that the clocks of billing and ModelArts may disagree by."""


_MONTHS = {2: 1, 3: 12}
"""Months by billing's period type, for the types that a server is bought for."""

UNPAID = frozenset({OrderStatus.AWAITING_PAYMENT, OrderStatus.AWAITING_APPROVAL})
_DECISIVE = UNPAID | {OrderStatus.PROCESSING, OrderStatus.CANCELLED, OrderStatus.COMPLETED}
"""Every other status leaves open what becomes of the server."""


Lines: TypeAlias = tuple[Mapping[str, object], ...]
"""The line items of an order, as far as billing shows them."""


def read(order_id: str) -> Generator[Call, Answer, tuple[OrderStatus, Lines]]:
    """Reads the status and the lines of an order.

    The status is UNKNOWN where billing refuses: users may lack account-wide rights, and the list of servers shows the
    outcome in time.
    """
    if not is_order_id(order_id):
        return OrderStatus.UNKNOWN, ()
    try:
        reply = yield Call(Service.BILLING, "GET", order_path(order_id), Effect.READ)
    except CallFailed:
        return OrderStatus.UNKNOWN, ()
    answer = reply.object() if isinstance(reply, Reply) else {}
    order, lines = answer.get("order_info"), answer.get("order_line_items")
    status = order_status(order.get("status")) if isinstance(order, Mapping) else None
    items = tuple(line for line in lines if isinstance(line, Mapping)) if isinstance(lines, list) else ()
    return status if status in _DECISIVE else OrderStatus.UNKNOWN, items


def read_status(order_id: str) -> Generator[Call, Answer, OrderStatus]:
    return (yield from read(order_id))[0]


def describe_difference(lines: Lines, charging: object, count: int | None = None) -> str:
    """Returns how the term and count of an order differ from what was asked for, as the end of a sentence, or "".

    What billing does not show does not differ. No flavor is compared, as it is not published what a line calls its
    product. A `count` of None accepts any.
    """
    asked = charging if isinstance(charging, Mapping) else {}
    wanted = _months(asked.get("period_num", 1), {"MONTH": 1, "YEAR": 12}.get(str(asked.get("period_type"))))
    terms = {_months(line.get("period_num"), _MONTHS.get(_number(line.get("period_type")))) for line in lines} - {None}
    if wanted is not None and terms and wanted not in terms:
        months = ", ".join(str(term) for term in sorted(filter(None, terms)))
        return f"is for {months} month(s), and {wanted} month(s) were requested"
    bought = _number(lines[0].get("subscription_num")) if len(lines) == 1 else 0
    if count is not None and bought > 0 and bought != count:
        return f"is for {bought} server(s), and {count} were requested"
    return ""


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


def _months(periods: object, months: int | None) -> int | None:
    number = _number(periods)
    return number * months if months is not None and number > 0 else None


def bought_ids(order_id: str) -> Generator[Call, Answer, tuple[str, ...] | None]:
    """Reads from billing the ids of the servers that an order has bought.

    Returns None where billing does not answer.
    """
    if not is_order_id(order_id):
        return ()
    try:
        reply = yield _resources_call(order_id)
    except CallFailed:
        return None
    found = reply.object().get("data") if isinstance(reply, Reply) else None
    if not isinstance(found, list):
        return None
    ids = (row.get("resource_id") for row in found if isinstance(row, Mapping))
    known = (each for each in ids if isinstance(each, str) and rows.is_id(each))
    return tuple(dict.fromkeys(resource_ids(known)))


def all_bought_ids(order_id: str) -> Generator[Call, Answer, tuple[str, ...]]:
    """Reads the same as `bought_ids` before a call that may end the order.

    Raises CallFailed unless billing lists all of them.
    """
    what = f"billing does not say everything that order {order_id!r} bought"
    if not is_order_id(order_id):
        raise CallFailed(Outcome.UNKNOWN, f"{what}: it does not accept this id")
    reply = yield _resources_call(order_id)
    answer = reply.object() if isinstance(reply, Reply) else {}
    found, total = answer.get("data"), answer.get("total_count")
    rows_found = found if isinstance(found, list) else [None]
    ids = [row.get("resource_id") if isinstance(row, Mapping) else None for row in rows_found]
    known = [each for each in ids if isinstance(each, str) and rows.is_id(each)]
    if len(known) < len(ids) or len(ids) >= _PAGE or (isinstance(total, int) and total > len(ids)):
        raise CallFailed(Outcome.UNKNOWN, f"{what}: its answer is incomplete")
    return tuple(dict.fromkeys(resource_ids(known)))


def find_order(identifier: str, created_at: int | None) -> ReadFlow[str | None]:
    """Finds the order of a server whose row names none: the one for which billing lists the server.

    Returns None where none is found. It reads the orders placed before the server was created, the latest first.
    `created_at` is in milliseconds since the epoch.
    """
    if created_at is None:
        return None
    query: dict[str, str | int] = {
        "create_time_begin": _format_time(created_at - _PAID_WITHIN),
        "create_time_end": _format_time(created_at + _CLOCK_TOLERANCE),
        "order_type": _NEW,
        "order_by": "-createTime",
        "limit": _PAGE,
        "offset": 0,
    }
    try:
        reply = yield Call(Service.BILLING, "GET", ORDERS, Effect.READ, query=query)
    except CallFailed:
        return None
    found = reply.object().get("order_infos")
    placed = [order.get("order_id") for order in found if isinstance(order, Mapping)] if isinstance(found, list) else []
    for order_id in [each for each in placed if isinstance(each, str)][:_MAX_ORDERS_READ]:
        if identifier in ((yield from bought_ids(order_id)) or ()):
            return order_id
    return None


def _format_time(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _parse_time(text: object) -> int | None:
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return None if time is None or time.tzinfo is None else int(time.timestamp() * 1000)


def _resources_call(order_id: str) -> Call:
    body: Fields = {"order_id": order_id, "only_main_resource": 1, "limit": _PAGE, "offset": 0}
    return Call(Service.BILLING, "POST", SUBSCRIPTIONS, Effect.READ, body=body)


def pay(order_id: str) -> Generator[Call, Answer, CallFailed | None]:
    """Sends the payment. Returns the refusal, or None.

    After a lost answer the caller reads the order: the cloud takes no order's money twice.
    """
    body = {"order_id": order_id, "use_coupon": "NO", "use_discount": "NO"}
    return (yield from _settle(Call(Service.BILLING, "POST", _PAYMENT, Effect.PAYMENT, body=body)))


def cancel(order_id: str) -> Generator[Call, Answer, CallFailed | None]:
    """Sends the cancellation.

    Returns the refusal, or None: the cloud refuses to cancel an order that is paid or already cancelled.
    """
    call = Call(Service.BILLING, "PUT", _CANCELLATION, Effect.CANCELLATION, body={"order_id": order_id})
    return (yield from _settle(call))


def _settle(call: Call) -> Generator[Call, Answer, CallFailed | None]:
    try:
        yield call
    except CallFailed as failed:
        return None if failed.outcome is Outcome.UNKNOWN else failed
    return None


def possibly_open(moment: int) -> ReadFlow[tuple[str, ...] | None]:
    """Reads the ids of the new orders that may be open at `moment`, as an unpaid order lapses.

    Returns None where billing does not answer. `moment` is in milliseconds since the epoch.
    """
    found = yield from placed_since(moment - _PAID_WITHIN)
    return None if found is None else tuple(order.order_id for order in found)


def placed_since(moment: int) -> ReadFlow[tuple[Trace, ...] | None]:
    """Reads the new orders of the account that are not cancelled, oldest first.

    Returns None where billing does not list them all. `moment` is in milliseconds since the epoch.
    """
    query: dict[str, str | int] = {
        "create_time_begin": _format_time(moment),
        "order_type": _NEW,
        "order_by": "createTime",
    }
    found: dict[str, Trace] = {}

    def page(offset: int) -> Call:
        return Call(Service.BILLING, "GET", ORDERS, Effect.READ, query={**query, "limit": _PAGE, "offset": offset})

    def take(_asked: Call, reply: Reply) -> PageSummary | None:
        rows_found, total = reply.object().get("order_infos"), reply.object().get("total_count")
        if not isinstance(rows_found, list) or not isinstance(total, int):
            return None
        for order in rows_found:
            if not isinstance(order, Mapping) or not isinstance(order_id := order.get("order_id"), str):
                return None
            status = order_status(order.get("status"))
            if status is not OrderStatus.CANCELLED:
                found[order_id] = Trace(
                    order_id,
                    status is OrderStatus.AWAITING_PAYMENT,
                    _parse_time(order.get("create_time")),
                    is_over=status is OrderStatus.COMPLETED,
                )
        return PageSummary(len(rows_found), total, brings_more=bool(rows_found))

    try:
        is_whole = yield from read_pages(page, take)
    except CallFailed:
        return None
    return tuple(found.values()) if is_whole else None
