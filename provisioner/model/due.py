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
    """`ORDER_PLACED`: an earlier run has placed the order, and this run pays it. `IN_DOUBT`: it may have been ordered
    already. A later run orders it again once it is known that it was not.
    """

    PURCHASE = "purchase"
    REPLACEMENT = "replacement"
    ORDER_PLACED = "order_placed"
    IN_DOUBT = "in_doubt"


_MONTHS = {"HOUR": 1 / 730, "DAY": 1 / 30, "WEEK": 7 / 30, "MONTH": 1, "YEAR": 12}
"""How many months a unit of a term lasts, near enough to compare terms."""


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

    @property
    def months(self) -> float:
        """How long the term is, roughly. One that is not declared counts as a month, which is what the cloud takes."""
        unit, number = self.period or ("MONTH", 1)
        return number * _MONTHS.get(unit, 1)


@dataclass(frozen=True, slots=True)
class Due:
    """What is due for all addresses with the same terms and the same reason."""

    reason: DueReason
    terms: OrderTerms
    addresses: tuple[Address, ...]

    @property
    def count(self) -> int:
        return len(self.addresses)

    @property
    def weight(self) -> float:
        """How large the order is compared with others as long as prices are not known: servers times months."""
        return self.count * self.terms.months
