"""What a plan orders that is paid in advance, which a person reads before saying yes.

Amounts are not known here yet: once there are prices, each `Due` gets the amount of its servers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from provisioner.model.address import Address
from provisioner.model.canonical import JsonObject


class Payment(StrEnum):
    """When an order is paid. `CHECKED`: it is placed unpaid, and the same run pays it if it is for what was declared.
    `AWAITED`: nobody pays it until a person does. `UNKNOWN`: the cloud decides how a purchase is charged.
    """

    AT_ONCE = "at_once"
    CHECKED = "checked"
    AWAITED = "awaited"
    UNKNOWN = "unknown"


class DueReason(StrEnum):
    """`ORDER_PLACED`: an earlier run has placed the order, and this run pays it. `IN_DOUBT`: it may have been bought
    already, and is bought again only once it is known that it was not.
    """

    PURCHASE = "purchase"
    REPLACEMENT = "replacement"
    ORDER_PLACED = "order_placed"
    IN_DOUBT = "in_doubt"


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """The terms under which a purchase is ordered. `item` is what is ordered, in the word of the catalogue. `period`
    ("MONTH", 3) is None where none is declared. `declared` holds the spec fields that say all this.
    """

    item: str
    period: tuple[str, int] | None
    payment: Payment
    renews: bool
    declared: JsonObject


@dataclass(frozen=True, slots=True)
class Due:
    """What is due for all addresses with the same terms and the same reason."""

    reason: DueReason
    terms: OrderTerms
    addresses: tuple[Address, ...]

    @property
    def count(self) -> int:
        return len(self.addresses)
