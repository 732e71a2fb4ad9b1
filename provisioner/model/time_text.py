"""Writes times for messages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def format_time(milliseconds: int) -> str:
    """Formats a time in milliseconds since the epoch as UTC, to the second."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def timestamp(milliseconds: int, *, timespec: str = "seconds") -> str:
    """Returns the time in RFC 3339, or as a number of milliseconds where no calendar has such a time."""
    try:
        moment = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return f"{milliseconds} ms"
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")
