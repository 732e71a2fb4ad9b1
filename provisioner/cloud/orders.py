"""Reads the account's purchase orders as billing shows them.

Source: docs/api/devserver-api.md section 8. It neither pays nor cancels. The refund for ending an order can't be read,
because the API publishes no estimate. All functions raise CallFailed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum
from typing import Final

from provisioner.cloud.answers import AnswerRow, Ask, Malformed, ask_for, to_member
from provisioner.cloud.paging import PAGE_SIZE, Listing, read_all
from provisioner.model.billing import ORDERS, OrderStatus, is_order_id, order_path, order_status, status_number
from provisioner.model.diagnostic import UsageError, error
from provisioner.model.flow import Call, Effect, Service


class OrderType(IntEnum):
    NEW = 1
    RENEWAL = 2
    CHANGE = 3
    UNSUBSCRIPTION = 4
    PERIOD_TO_USAGE = 10
    USAGE_TO_PERIOD = 11
    TRIAL = 13
    TRIAL_TO_COMMERCIAL = 14
    FEE_ADJUSTMENT = 15


class PeriodType(IntEnum):
    """The names are those of a spec's `period_type`; ONCE exists in billing only."""

    DAY = 0
    WEEK = 1
    MONTH = 2
    YEAR = 3
    HOUR = 4
    ONCE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order. Amounts are in whole units of `currency`, times are aware; what billing does not state is None.

    `amount` is after discounts; its meaning for an unsubscription is not published (the sandbox shows the refund). A
    status or type that the reference does not list is kept as its number. Billing cancels an order that is unpaid at
    `pay_until`.
    """

    id: str
    status: OrderStatus | int
    type: OrderType | int | None = None
    service_type: str | None = None
    user: str | None = None
    created_at: datetime | None = None
    paid_at: datetime | None = None
    pay_until: datetime | None = None
    amount: Decimal | None = None
    official_amount: Decimal | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """One item of an order: `quantity` of a product for `periods` times `period_type`.

    Units and None are as in Order.
    """

    id: str | None = None
    product_id: str | None = None
    specification: str | None = None
    quantity: int | None = None
    period_type: PeriodType | int | None = None
    periods: int | None = None
    effective_at: datetime | None = None
    expires_at: datetime | None = None
    amount: Decimal | None = None
    official_amount: Decimal | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class OrderDetail:
    """An order with its lines. `lines` is None when billing does not state them or their number.

    subscriptions.py reads what became of the order's servers.
    """

    order: Order
    lines: tuple[OrderLine, ...] | None


async def list_orders(
    ask: Ask,
    *,
    created_from: datetime | None = None,
    created_until: datetime | None = None,
    status: OrderStatus | None = None,
    order_type: OrderType | None = None,
) -> tuple[Order, ...]:
    """List orders, oldest first. Times are aware. Billing accepts a span of at most one year, and not every status."""
    # Oldest first, so that an order placed meanwhile comes last and moves no other order to another page.
    query: dict[str, str | int] = {"order_by": "createTime", "limit": PAGE_SIZE}
    if created_from is not None:
        query["create_time_begin"] = billing_time(created_from)
    if created_until is not None:
        query["create_time_end"] = billing_time(created_until)
    if status is not None:
        query["status"] = status_number(status)
    if order_type is not None:
        query["order_type"] = order_type.value
    return await read_all(
        _LIST, ask, lambda offset: Call(Service.BILLING, "GET", ORDERS, Effect.READ, query={**query, "offset": offset})
    )


async def show_order(ask: Ask, order_id: str) -> OrderDetail:
    """Return one order.

    Raises UsageError `order-id-invalid` for a malformed id, because the id becomes part of a path.
    """
    if not is_order_id(order_id):
        hint = "an order's id consists of 1 to 64 letters and digits, such as CS2601020304ABCDE"
        raise UsageError(error("order-id-invalid", f"{order_id!r} is not the id of an order", hint=hint))

    def page(offset: int) -> Call:
        query: dict[str, str | int] = {"limit": PAGE_SIZE, "offset": offset}
        return Call(Service.BILLING, "GET", order_path(order_id), Effect.READ, query=query)

    detail, is_whole = await ask_for(ask, page(0), lambda answer: _read_first_page(answer, order_id))
    return detail if is_whole else replace(detail, lines=await read_all(_LINES, ask, page))


def read_order(row: AnswerRow) -> Order:
    """Read one row. Raises Malformed."""
    return Order(
        id=row.required(row.text, "order_id"),
        status=order_status(number := row.required(row.number, "status")) or number,
        type=to_member(OrderType, row.number("order_type")),
        service_type=row.text("service_type_code"),
        user=row.text("user_name"),
        created_at=row.moment("create_time"),
        paid_at=row.moment("payment_time"),
        pay_until=row.moment("pending_payment_end_time"),
        amount=row.amount("amount_after_discount"),
        official_amount=row.amount("official_amount"),
        currency=row.text("currency"),
    )


def read_line(row: AnswerRow) -> OrderLine:
    """Read one row. Raises Malformed."""
    return OrderLine(
        id=row.text("order_line_item_id"),
        product_id=row.text("product_id"),
        specification=row.text("product_spec_desc"),
        quantity=row.number("subscription_num"),
        period_type=to_member(PeriodType, row.number("period_type")),
        periods=row.number("period_num"),
        effective_at=row.moment("effective_time"),
        expires_at=row.moment("expire_time"),
        amount=row.amount("amount_after_discount"),
        official_amount=row.amount("official_amount"),
        currency=row.text("currency"),
    )


def read_detail(answer: AnswerRow) -> OrderDetail:
    """Read the order and the lines of this page. Raises Malformed.

    A total above 0 without any line means that the lines are unknown, as in the reference's own example answer.
    """
    order = read_order(answer.required(answer.row, "order_info"))
    rows, total = answer.rows("order_line_items"), answer.number("total_count")
    if rows is None or total is None or (total and not rows):
        return OrderDetail(order, None)
    return OrderDetail(order, tuple(map(read_line, rows)))


def billing_time(moment: datetime) -> str:
    """Format a time as billing's filters expect it, to the second."""
    assert moment.tzinfo is not None, "a time without a zone is no moment"
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _read_first_page(answer: AnswerRow, order_id: str) -> tuple[OrderDetail, bool]:
    """Return the order with the lines of its first page, and whether that is the only page."""
    detail = read_detail(answer)
    if detail.order.id != order_id:
        raise Malformed("it is about another order")
    return detail, detail.lines is None or _LINES.page(answer).is_whole


_LIST: Final = Listing("orders", "order_infos", read_order, key=lambda order: order.id)
_LINES: Final = Listing("the order's lines", "order_line_items", read_line, key=lambda line: line.id)
