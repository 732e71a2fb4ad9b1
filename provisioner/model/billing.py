"""What flows and commands share about billing orders: their ids, their statuses, and how a list is read page by page.

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
    """The status of an order, in the words that people and machines are shown."""

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
    """Has no number at billing: the status leaves the outcome open, or the order can't be read. Nothing acts on it."""


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
    """Returns the status for billing's number; None for one that the reference lacks, as the vendor adds numbers."""
    return next((status for known, status in _NUMBERS.items() if known == number), None)


def status_number(status: OrderStatus) -> int:
    """Returns billing's number for a status. Raises KeyError for UNKNOWN, which has none."""
    return {known: number for number, known in _NUMBERS.items()}[status]


def is_order_id(text: str) -> bool:
    """Returns whether the text can be an order id, and so can go into a path."""
    return _ORDER_ID.fullmatch(text) is not None


def order_path(order_id: str) -> str:
    """Returns the path that shows one order."""
    return f"{ORDERS}/details/{order_id}"


@dataclass(frozen=True, slots=True)
class PageSummary:
    """What one page of a list added: `count` is the number of rows on it, `total` the number that it reports for the
    whole list. A page with `brings_more` False is the last one.
    """

    count: int
    total: int
    brings_more: bool


def read_pages(
    call: Callable[[int], Call], take: Callable[[Call, Reply], PageSummary | None]
) -> Generator[Call, Reply, bool]:
    """Requests the pages of a list at growing offsets and passes each to `take`, which returns None for a reply that is
    no page. Returns True once as many rows came as the last page reported, and False if the list ends before that.
    """
    offset = 0
    while True:
        request = call(offset)
        page = take(request, (yield request))
        if page is None:
            return False
        offset += page.count
        if offset >= page.total:
            return True
        if not page.brings_more:
            return False
