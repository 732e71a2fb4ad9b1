"""How a stack buys its servers: settings that trade waiting time and plain names for certainty.

Every setting has a safe default (docs/specs.md, `purchase:`). This module knows neither the API nor a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

MINUTE = 60_000
SHORTEST_SAFE_QUIET_PERIOD = 20 * MINUTE
SIGNATURE_LIFE = 15 * MINUTE
"""For how long the gateway accepts the date of a signature (docs/api/devserver-api.md section 6)."""
"""In milliseconds. A gateway accepts a signature for 15 minutes, so a request may be carried out that late
(docs/api/devserver-api.md section 6.1).
"""


class Marker(StrEnum):
    """How our servers are distinguished from others while a purchase is in doubt."""

    NAME = "name"
    """By the wanted name and what the cloud shows. Exact unless somebody else buys the same at the same time."""
    NONCE = "nonce"
    """By a unique suffix that the name has until the server is recorded."""


class Prepaid(StrEnum):
    ONE_STEP = "one-step"
    """Ordered and paid by one call."""
    TWO_STEP = "two-step"
    """Ordered without paying, then paid by the order's id. A reply that is lost in between costs nothing."""


class ChargingDefault(StrEnum):
    """What is sent for a server whose charging is not declared."""

    POST_PAID = "post-paid"
    """Pay-per-use, stated explicitly."""
    CLOUD = "cloud"
    """Nothing. The cloud chooses a mode, and which one is not published."""


class UserdataField(StrEnum):
    """The field for the script that a server runs at first boot. The vendor's pages and SDKs disagree on its name."""

    AS_PUBLISHED = "as-published"
    """As the reference of each call says: `userdata` in a purchase, `user_data` in a reinstallation."""
    USERDATA = "userdata"
    USER_DATA = "user_data"


class Absence(StrEnum):
    """When a complete list without the server proves that a purchase was never carried out."""

    AFTER_QUIET_PERIOD = "after-quiet-period"
    AFTER_QUIET_PERIOD_WITHOUT_ORDER = "after-quiet-period-without-order"
    """For a purchase that may have placed an order: billing must show no such order either, paid or not, so that no
    second order is placed.
    """
    BY_A_PERSON = "by-a-person"
    """Never automatically: money may have been spent on a server that no list shows yet."""


@dataclass(frozen=True, slots=True)
class Trace:
    """An order that may come from a purchase in doubt. `is_unpaid`: it awaits payment, so nothing was spent on it.
    `is_over`: everything that it bought exists. `placed_at` is in milliseconds of billing's time; None if it is not
    known. `mismatch` says, as the end of a sentence, how the order differs from the request; if it is not empty, the
    order is not that purchase.
    """

    order_id: str
    is_unpaid: bool
    placed_at: int | None = None
    mismatch: str = ""
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class PurchasePolicy:
    """The purchase settings of a stack. `quiet_period` is in milliseconds of the cloud's time since a purchase was
    sent: only after it does a complete list without the server prove that the purchase was never carried out.
    """

    quiet_period: int = 25 * MINUTE
    marker: Marker = Marker.NAME
    prepaid: Prepaid = Prepaid.ONE_STEP
    charging_default: ChargingDefault = ChargingDefault.POST_PAID
    userdata_field: UserdataField = UserdataField.AS_PUBLISHED
    late_sending: int = 0
    """For how many milliseconds after its intent a purchase may still leave a machine that stood still while another one
    took over its lock.
    """

    def for_shared_state(self) -> PurchasePolicy:
        """Returns the policy for a state whose lock another machine may take over. A quiet period that a person made
        unsafe stays as it is.
        """
        is_safe = self.quiet_period >= SHORTEST_SAFE_QUIET_PERIOD
        return replace(self, late_sending=SIGNATURE_LIFE if is_safe else 0)


DEFAULT_POLICY: Final = PurchasePolicy()
