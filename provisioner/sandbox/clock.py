"""Time as the sandbox sees it, in integer milliseconds since the epoch. Tests may replace and move the clock.

Nothing else in this room reads the machine's clock.
"""

import time
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> int:
        """Returns the milliseconds since 1970-01-01 UTC."""
        ...


class SystemClock:
    def now(self) -> int:
        return time.time_ns() // 1_000_000


def moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def iso_time(milliseconds: int) -> str:
    """Formats a time as billing does: whole seconds and Z."""
    return moment(milliseconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_time_exact(milliseconds: int) -> str:
    """Formats a time as IAM does: microseconds and Z."""
    return moment(milliseconds).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def http_date(milliseconds: int) -> str:
    return format_datetime(moment(milliseconds), usegmt=True)
