"""How a stack wants its servers bought, beyond what is bought: the choices that trade waiting and names for certainty.

Every choice has a safe default (docs/specs.md, `purchase:`). It knows no wire and no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MINUTE = 60_000
SHORTEST_SAFE_QUIET_PERIOD = 20 * MINUTE
"""Above the 15 minutes for which a gateway takes a signature, by which its nodes may be late (docs/api/devserver-api.md section 6.1)."""


class Marker(StrEnum):
    """What tells our servers from a stranger's while a purchase is in doubt."""

    NAME = "name"
    """The wanted name and what the cloud shows of the request: exact unless a stranger buys the same in the same minutes."""
    NONCE = "nonce"
    """A suffix that nobody else can have, in the name until the server is recorded."""


class Prepaid(StrEnum):
    ONE_STEP = "one-step"
    """Ordered and paid by one call."""
    TWO_STEP = "two-step"
    """Ordered without paying, then paid by the order's id: what is lost in between costs nothing."""


class ChargingDefault(StrEnum):
    """What is sent for a server of which nothing is declared about its charging."""

    POST_PAID = "post-paid"
    """Pay-per-use, spelt out."""
    CLOUD = "cloud"
    """Nothing: the cloud chooses, and which mode it takes is not published."""


class UserdataField(StrEnum):
    """What requests call the script that a server runs when its system first starts. The vendor's pages and SDKs disagree."""

    AS_PUBLISHED = "as-published"
    """As the reference of each call has it: `userdata` in a purchase, `user_data` where another system is installed."""
    USERDATA = "userdata"
    USER_DATA = "user_data"


class Absence(StrEnum):
    """When a complete list without the server means that a purchase was never carried out."""

    AFTER_QUIET_PERIOD = "after-quiet-period"
    AFTER_QUIET_PERIOD_WITHOUT_ORDER = "after-quiet-period-without-order"
    """It may have placed an order: billing must know of none either, paid or not, so that no second one is placed beside it."""
    BY_A_PERSON = "by-a-person"
    """Never by itself: money may have been spent on what no list shows yet."""


@dataclass(frozen=True, slots=True)
class Trace:
    """An order that may be a purchase in doubt. `is_unpaid`: it waits for its payment, so nothing was spent on it; `is_over`: all that it
    has bought is there. `placed_at` is in milliseconds of billing's time; None where that is not told. `otherwise` is how it differs from
    what was asked for, as the rest of a sentence: it is not that purchase.
    """

    order_id: str
    is_unpaid: bool
    placed_at: int | None = None
    mismatch: str = ""
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class PurchasePolicy:
    """`quiet_period` is in milliseconds of the cloud's time since a purchase was sent: only after it does a complete list
    without the server mean that the purchase was never carried out.
    """

    quiet_period: int = 25 * MINUTE
    marker: Marker = Marker.NAME
    prepaid: Prepaid = Prepaid.ONE_STEP
    charging_default: ChargingDefault = ChargingDefault.POST_PAID
    userdata_field: UserdataField = UserdataField.AS_PUBLISHED


DEFAULT_POLICY: Final = PurchasePolicy()
