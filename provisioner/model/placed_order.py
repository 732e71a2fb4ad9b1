"""An order of the account as a person is shown it, and what its status means for those who could act on it.

It knows no numbers of billing's: a status is words, and one that is none of the known ones is a reason to do nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from provisioner.model.address import Address
from provisioner.model.billing import OrderStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedItem:
    """What was ordered: `quantity` of it for a `term` such as "1 month"; what billing does not tell is None."""

    specification: str | None
    quantity: int | None
    term: str | None
    amount: Decimal | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedOrder:
    """Amounts are in whole units of `currency`, times are aware; what billing does not tell is None.

    `status` is an OrderStatus or other words of billing's. `addresses` are those of this state that it was placed for, none
    for an order of somebody else's; `servers` are the ids known of it. Unpaid by `pay_until`, it lapses.
    """

    id: str
    status: str
    addresses: tuple[Address, ...] = ()
    servers: tuple[str, ...] = ()
    type: str | None = None
    amount: Decimal | None = None
    official_amount: Decimal | None = None
    currency: str | None = None
    created_at: datetime | None = None
    paid_at: datetime | None = None
    pay_until: datetime | None = None
    items: tuple[PlacedItem, ...] | None = None
    sold_otherwise: str | None = None
    """The charging mode that an address of this state was sold under by it, where neither its record nor its specs want that."""

    @property
    def is_paid(self) -> bool:
        return self.status in {OrderStatus.PROCESSING, OrderStatus.COMPLETED}

    @property
    def is_unpaid(self) -> bool:
        return self.status in {OrderStatus.AWAITING_APPROVAL, OrderStatus.AWAITING_PAYMENT}

    @property
    def is_over(self) -> bool:
        """Nothing will come of waiting any longer."""
        return self.status in {OrderStatus.COMPLETED, OrderStatus.CANCELLED}


class Settlement(StrEnum):
    """What became of a person's word on an order."""

    PAID = "paid"
    ALREADY_PAID = "already_paid"
    CANCELLED = "cancelled"
    NOT_APPROVED = "not_approved"
    OPEN = "open"
    """It is neither, or not yet: what is left is recorded, and the same command goes on."""
