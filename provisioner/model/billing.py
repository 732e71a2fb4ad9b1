"""What flows and commands both know of billing's orders: their ids, their status, and how a list of them is read page by page.

Source: docs/api/devserver-api.md section 8. Sends nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from provisioner.model.flow import Call, Reply

ORDERS: Final = "/v2/orders/customer-orders"
SUBSCRIPTIONS: Final = "/v2/orders/suscriptions/resources/query"  # spelt so on the wire
_ORDER_ID: Final = re.compile(r"[a-zA-Z0-9]{1,64}")


class OrderStatus(StrEnum):
    """In words, as people and machines are told it."""

    AWAITING_APPROVAL = "awaiting approval"
    AWAITING_REFUND = "awaiting refund"
    PROCESSING = "processing"
    CANCELLED = "cancelled"
    COMPLETED = "completed"
    AWAITING_PAYMENT = "awaiting payment"
    AWAITING_CONFIRMATION = "awaiting confirmation"
    AWAITING_SHIPMENT = "awaiting shipment"
    AWAITING_RECEIPT = "awaiting receipt"
    AWAITING_RETURN = "awaiting return"
    EXCHANGING = "exchanging"
    UNKNOWN = "not shown by billing"
    """No number of billing's: a status that leaves the outcome open, or an order that cannot be read. Never a reason to act."""


_NUMBERS: Final = {
    1: OrderStatus.AWAITING_APPROVAL,
    2: OrderStatus.AWAITING_REFUND,
    3: OrderStatus.PROCESSING,
    4: OrderStatus.CANCELLED,
    5: OrderStatus.COMPLETED,
    6: OrderStatus.AWAITING_PAYMENT,
    9: OrderStatus.AWAITING_CONFIRMATION,
    10: OrderStatus.AWAITING_SHIPMENT,
    11: OrderStatus.AWAITING_RECEIPT,
    12: OrderStatus.AWAITING_RETURN,
    13: OrderStatus.EXCHANGING,
}


def order_status(number: object) -> OrderStatus | None:
    """What billing's number means; None for what is not in the reference: the vendor adds to its lists."""
    return next((status for known, status in _NUMBERS.items() if known == number), None)


def status_number(status: OrderStatus) -> int:
    """Billing's number for it. Raises KeyError for UNKNOWN, which has none."""
    return {known: number for number, known in _NUMBERS.items()}[status]


def is_order_id(text: str) -> bool:
    """Whether an order may be called so: an id goes into a path."""
    return _ORDER_ID.fullmatch(text) is not None


def order_path(order_id: str) -> str:
    """Where one order is shown."""
    return f"{ORDERS}/details/{order_id}"


@dataclass(frozen=True, slots=True)
class PageTaken:
    """`count` is of the rows of this page, `total` of those that the list is said to have. A page that brings nothing more is the last one."""

    count: int
    total: int
    brings_more: bool


def read_pages(
    call: Callable[[int], Call], take: Callable[[Call, Reply], PageTaken | None]
) -> Generator[Call, Reply, bool]:
    """Asks for the pages at growing offsets and hands each to `take`, which answers None where it is no page. True once as many rows came as
    the last page said there are, False where the list ends before that.
    """
    offset = 0
    while True:
        asked = call(offset)
        page = take(asked, (yield asked))
        if page is None:
            return False
        offset += page.count
        if offset >= page.total:
            return True
        if not page.brings_more:
            return False
