"""The order behind a prepaid server, as far as flows need it: read, paid, cancelled, and what it has bought.

Source: docs/api/devserver-api.md section 8. Which of that is right at a moment is the flows' to say.
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
    PageTaken,
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
_MOST_ASKED = 50
"""Orders that are asked what they have bought, where one is looked for."""
_PAID_WITHIN = 8 * 24 * 60 * 60 * 1000
"""An order lapses after about seven days, so that no server is made longer than that after its order."""
_CLOCKS_DIFFER = 15 * 60 * 1000


_MONTHS = {2: 1, 3: 12}
"""Of billing's period types, those that a server is bought for."""

UNPAID = frozenset({OrderStatus.AWAITING_PAYMENT, OrderStatus.AWAITING_APPROVAL})
_DECISIVE = UNPAID | {OrderStatus.PROCESSING, OrderStatus.CANCELLED, OrderStatus.COMPLETED}
"""All others leave open what becomes of a server of it."""


Lines: TypeAlias = tuple[Mapping[str, object], ...]
"""What was ordered, as far as billing tells."""


def read(order_id: str) -> Generator[Call, Answer, tuple[OrderStatus, Lines]]:
    """UNKNOWN where billing refuses to say: users may lack account-wide rights, and the list will tell in time."""
    if not is_order_id(order_id):
        return OrderStatus.UNKNOWN, ()
    try:
        reply = yield Call(Service.BILLING, "GET", order_path(order_id), Effect.READ)
    except CallFailed:
        return OrderStatus.UNKNOWN, ()
    answer = reply.object() if isinstance(reply, Reply) else {}
    order, lines = answer.get("order_info"), answer.get("order_line_items")
    status = order_status(order.get("status")) if isinstance(order, Mapping) else None
    told = tuple(line for line in lines if isinstance(line, Mapping)) if isinstance(lines, list) else ()
    return status if status in _DECISIVE else OrderStatus.UNKNOWN, told


def read_status(order_id: str) -> Generator[Call, Answer, OrderStatus]:
    return (yield from read(order_id))[0]


def otherwise(lines: Lines, charging: object, count: int | None = None) -> str:
    """How an order differs from what was asked for, by its term and how many it buys: the rest of a sentence, empty where billing tells
    nothing else. What a line calls its product is not published, so that no flavor is compared. `count`: None where any may be.
    """
    asked = charging if isinstance(charging, Mapping) else {}
    wanted = _months(asked.get("period_num", 1), {"MONTH": 1, "YEAR": 12}.get(str(asked.get("period_type"))))
    terms = {_months(line.get("period_num"), _MONTHS.get(_number(line.get("period_type")))) for line in lines} - {None}
    if wanted is not None and terms and wanted not in terms:
        months = ", ".join(str(term) for term in sorted(filter(None, terms)))
        return f"is for {months} month(s), and {wanted} month(s) were asked for"
    bought = _number(lines[0].get("subscription_num")) if len(lines) == 1 else 0
    if count is not None and bought > 0 and bought != count:
        return f"is for {bought} server(s), and {count} were asked for"
    return ""


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


def _months(periods: object, months: int | None) -> int | None:
    number = _number(periods)
    return number * months if months is not None and number > 0 else None


def resources(order_id: str) -> Generator[Call, Answer, tuple[str, ...] | None]:
    """The ids of the servers that billing knows an order by, for an order that no row names; None where billing does not say."""
    if not is_order_id(order_id):
        return ()
    try:
        reply = yield _question(order_id)
    except CallFailed:
        return None
    found = reply.object().get("data") if isinstance(reply, Reply) else None
    if not isinstance(found, list):
        return None
    ids = (row.get("resource_id") for row in found if isinstance(row, Mapping))
    known = (each for each in ids if isinstance(each, str) and rows.is_id(each))
    return tuple(dict.fromkeys(resource_ids(known)))


def all_resources(order_id: str) -> Generator[Call, Answer, tuple[str, ...]]:
    """As `resources`, for what may end the order: raises CallFailed where billing does not say all of it."""
    what = f"billing does not tell all that order {order_id!r} has bought"
    if not is_order_id(order_id):
        raise CallFailed(Outcome.UNKNOWN, f"{what}: it takes no such id")
    reply = yield _question(order_id)
    answer = reply.object() if isinstance(reply, Reply) else {}
    found, total = answer.get("data"), answer.get("total_count")
    rows_found = found if isinstance(found, list) else [None]
    ids = [row.get("resource_id") if isinstance(row, Mapping) else None for row in rows_found]
    known = [each for each in ids if isinstance(each, str) and rows.is_id(each)]
    if len(known) < len(ids) or len(ids) >= _PAGE or (isinstance(total, int) and total > len(ids)):
        raise CallFailed(Outcome.UNKNOWN, f"{what}: its answer is incomplete")
    return tuple(dict.fromkeys(resource_ids(known)))


def order_of(identifier: str, created_at: int | None) -> ReadFlow[str | None]:
    """The order that has bought a server which no row names it of: of the orders placed before it was made (`created_at`, in milliseconds
    since the epoch), the latest first, that of which billing knows the server. None where none of them is known to be it.
    """
    if created_at is None:
        return None
    query: dict[str, str | int] = {
        "create_time_begin": _time(created_at - _PAID_WITHIN),
        "create_time_end": _time(created_at + _CLOCKS_DIFFER),
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
    for order_id in [each for each in placed if isinstance(each, str)][:_MOST_ASKED]:
        if identifier in ((yield from resources(order_id)) or ()):
            return order_id
    return None


def _time(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(text: object) -> int | None:
    try:
        told = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return None if told is None or told.tzinfo is None else int(told.timestamp() * 1000)


def _question(order_id: str) -> Call:
    body: Fields = {"order_id": order_id, "only_main_resource": 1, "limit": _PAGE, "offset": 0}
    return Call(Service.BILLING, "POST", SUBSCRIPTIONS, Effect.READ, body=body)


def pay(order_id: str) -> Generator[Call, Answer, CallFailed | None]:
    """The refusal, if it was one. After a lost answer the order itself tells: the cloud takes no order's money twice."""
    body = {"order_id": order_id, "use_coupon": "NO", "use_discount": "NO"}
    return (yield from _settle(Call(Service.BILLING, "POST", _PAYMENT, Effect.PAYMENT, body=body)))


def cancel(order_id: str) -> Generator[Call, Answer, CallFailed | None]:
    """As `pay`: the cloud refuses to cancel what is paid, or cancelled already."""
    call = Call(Service.BILLING, "PUT", _CANCELLATION, Effect.CANCELLATION, body={"order_id": order_id})
    return (yield from _settle(call))


def _settle(call: Call) -> Generator[Call, Answer, CallFailed | None]:
    try:
        yield call
    except CallFailed as failed:
        return None if failed.outcome is Outcome.UNKNOWN else failed
    return None


def known(moment: int) -> ReadFlow[tuple[str, ...] | None]:
    """The new orders that may be open at `moment`, in milliseconds since the epoch: an unpaid one lapses. None where billing does not say."""
    found = yield from placed_since(moment - _PAID_WITHIN)
    return None if found is None else tuple(one.order_id for one in found)


def placed_since(moment: int) -> ReadFlow[tuple[Trace, ...] | None]:
    """The new orders of the account that are not cancelled, oldest first; None where billing does not say, or not all of it.
    `moment` is in milliseconds since the epoch.
    """
    query: dict[str, str | int] = {"create_time_begin": _time(moment), "order_type": _NEW, "order_by": "createTime"}
    found: dict[str, Trace] = {}

    def page(offset: int) -> Call:
        return Call(Service.BILLING, "GET", ORDERS, Effect.READ, query={**query, "limit": _PAGE, "offset": offset})

    def take(_asked: Call, reply: Reply) -> PageTaken | None:
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
                    _moment(order.get("create_time")),
                    is_over=status is OrderStatus.COMPLETED,
                )
        return PageTaken(len(rows_found), total, brings_more=bool(rows_found))

    try:
        is_whole = yield from read_pages(page, take)
    except CallFailed:
        return None
    return tuple(found.values()) if is_whole else None
