"""What a person may allow for one run that is refused otherwise, and the limits that a stack sets.

Only codes and numbers: what each guard looks at is told in the planning room, how a code is typed in the CLI.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Allowance(StrEnum):
    """The code of a guard that steps aside for one run when it is named."""

    MASS_CHANGE = "mass-change"
    PREPAID_DELETE = "prepaid-delete"
    MAX_SERVERS = "max-servers"
    VANISHED = "vanished"
    PROTECTED = "protected"
    UNREAD_SIBLING = "unread-sibling"
    NOT_LISTED = "not-listed"
    LIST_INCOMPLETE = "list-incomplete"
    REFUSED_BEFORE = "refused-before"
    CHARGING_MISMATCH = "charging-mismatch"
    TERM_ENDED = "term-ended"
    UNKNOWN_STATUS = "unknown-status"
    ORDER_UNSEEN = "order-unseen"
    OPEN_ORDER = "open-order"


ALL: Final = frozenset(Allowance) - {Allowance.PROTECTED, Allowance.ORDER_UNSEEN}
"""What a person means by "all". Protection is given to one server by name, so it is taken away by name; and what goes with an order that
nobody knows is in no plan, so that nobody can mean it.
"""


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """Of the servers that are recorded, once there are `mass_change_from`, no run updates or releases more than
    `mass_change_percent`; and none buys beyond `max_servers`. None: as many as are declared.
    """

    mass_change_percent: int = 30
    mass_change_from: int = 10
    max_servers: int | None = None


DEFAULT_LIMITS: Final = GuardLimits()
