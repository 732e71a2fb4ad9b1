"""Writes times for messages."""

from __future__ import annotations

from datetime import UTC, datetime


def format_time(milliseconds: int) -> str:
    """Formats a time in milliseconds since the epoch as UTC, to the second."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
