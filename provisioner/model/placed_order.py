"""An order of the account as people see it, and what its status allows.

A status is in words, not in billing's numbers. Nothing acts on an order with an unknown status.
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
    """One item of an order: `quantity` pieces for a `term` such as "1 month". None: billing does not report it."""

    specification: str | None
    quantity: int | None
    term: str | None
    amount: Decimal | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedOrder:
    """One order. Amounts are in whole units of `currency`, and times are aware datetimes. None: billing does not report
    it.

    `status` is an OrderStatus or another word of billing's. `addresses` are the addresses of this state that the order
    was placed for, none for an order of somebody else; `servers` are its known server ids. If it is not paid by
    `pay_until`, it lapses.
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
    """The charging mode under which it sold an address, if neither the record nor the specs want that mode."""

    @property
    def is_paid(self) -> bool:
        return self.status in {OrderStatus.PROCESSING, OrderStatus.COMPLETED}

    @property
    def is_unpaid(self) -> bool:
        return self.status in {OrderStatus.AWAITING_APPROVAL, OrderStatus.AWAITING_PAYMENT}

    @property
    def is_over(self) -> bool:
        """Whether the order is complete or cancelled, so that waiting longer changes nothing."""
        return self.status in {OrderStatus.COMPLETED, OrderStatus.CANCELLED}


class Settlement(StrEnum):
    """How a command of a person about an order ended."""

    PAID = "paid"
    ALREADY_PAID = "already_paid"
    CANCELLED = "cancelled"
    NOT_APPROVED = "not_approved"
    OPEN = "open"
    """Neither paid nor cancelled yet. The rest is recorded, and the same command continues it."""
