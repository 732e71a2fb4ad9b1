"""Time as the sandbox sees it: integer milliseconds since the epoch, from a clock that a test may replace and move.
Nothing else in this room reads the machine's clock.
"""

import time
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        ...


class SystemClock:
    def now(self) -> int:
        return time.time_ns() // 1_000_000


def moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def iso_time(milliseconds: int) -> str:
    """As BSS prints times: whole seconds, Z."""
    return moment(milliseconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_time_exact(milliseconds: int) -> str:
    """As IAM prints times: microseconds, Z."""
    return moment(milliseconds).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def http_date(milliseconds: int) -> str:
    return format_datetime(moment(milliseconds), usegmt=True)
