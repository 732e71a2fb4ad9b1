"""The order behind a prepaid server, as far as buying and releasing need it.

Source: docs/api/devserver-api.md section 8. It reads; it neither pays nor cancels.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from enum import Enum

from provisioner.model.flow import Answer, Call, CallFailed, Effect, Reply, Service

_ORDER_ID = re.compile(r"[a-zA-Z0-9]{1,64}")


class OrderStatus(Enum):
    AWAITING_APPROVAL = 1
    PROCESSING = 3
    CANCELLED = 4
    COMPLETED = 5
    AWAITING_PAYMENT = 6
    UNKNOWN = 0
    """A status that leaves the outcome open, or an order that cannot be read: never a reason to act."""


def read_status(order_id: str) -> Generator[Call, Answer, OrderStatus]:
    """UNKNOWN where billing refuses to say: users may lack account-wide rights, and the list will tell in time."""
    if _ORDER_ID.fullmatch(order_id) is None:
        return OrderStatus.UNKNOWN
    try:
        reply = yield Call(Service.BILLING, "GET", f"/v2/orders/customer-orders/details/{order_id}", Effect.READ)
    except CallFailed:
        return OrderStatus.UNKNOWN
    order = reply.object().get("order_info") if isinstance(reply, Reply) else None
    status = order.get("status") if isinstance(order, Mapping) else None
    return next((known for known in OrderStatus if known.value == status), OrderStatus.UNKNOWN)
