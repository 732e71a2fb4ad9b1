"""The codes with which a person lifts guards for one run, and the limits that a stack sets.

This module has only codes and numbers: `planning/` defines what each guard checks, and the CLI how a code is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Allowance(StrEnum):
    """The code of a guard that a person can lift for one run."""

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
    NO_STATE = "no-state"
    STATE_ELSEWHERE = "state-elsewhere"
    STATE_REPLACED = "state-replaced"
    HELD_TWICE = "held-twice"


ALL: Final = frozenset(Allowance) - {
    Allowance.PROTECTED,
    Allowance.ORDER_UNSEEN,
    Allowance.NO_STATE,
    Allowance.STATE_ELSEWHERE,
    Allowance.STATE_REPLACED,
    Allowance.HELD_TWICE,
}
"""The codes that "all" covers. A server is protected by name, so its protection must be lifted by name. What an unknown
order would release is in no plan, so "all" can't include it; nor can it include what an unknown state holds, or what
another state would lose.
"""


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """The limits of one run. If at least `mass_change_from` servers are recorded, a run may update or release at most
    `mass_change_percent` percent of them. No run may buy beyond `max_servers` servers in total; None sets no limit.
    """

    mass_change_percent: int = 30
    mass_change_from: int = 10
    max_servers: int | None = None


DEFAULT_LIMITS: Final = GuardLimits()
