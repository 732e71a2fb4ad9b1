"""Renders prepaid servers and when their paid terms end, as a table and as a JSON document.

What billing does not show is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from provisioner.model.diagnostic import Diagnostic
from provisioner.model.term import Expiry
from provisioner.rendering.machine import FORMAT_VERSION, Document, diagnostic_document
from provisioner.rendering.orders import UNKNOWN, format_time, timestamp
from provisioner.rendering.style import Style, escape
from provisioner.rendering.table import table_text
from provisioner.rendering.wording import pluralize

_HEADINGS = ("address", "id", "expires", "in", "renews", "status")


def render_expiring(shown: Sequence[Expiry], style: Style, *, prepaid: int, days: float) -> str:
    """Returns the table, with times in UTC. `prepaid` is how many servers billing was asked about."""
    if not prepaid:
        return "No prepaid servers are recorded.\n"
    window = pluralize(int(days), "day") if days == int(days) else f"{days:.2f} days"
    if not shown:
        return f"None of {pluralize(prepaid, 'prepaid server')} reaches the end of its term within {window}.\n"
    return table_text(_HEADINGS, map(_cells, shown), style)


def expiring_document(
    shown: Iterable[Expiry],
    ending: Iterable[Expiry],
    notes: Iterable[Diagnostic],
    *,
    prepaid: int,
    within: float,
    exit_code: int,
) -> Document:
    """Returns the document.

    `within` is in seconds; `ending` are the servers that are not known to renew by themselves.
    """
    count = len(tuple(ending))
    return {
        "format_version": FORMAT_VERSION,
        "within_seconds": int(within),
        "prepaid": prepaid,
        "ending": count,
        "servers": [_document(one, within) for one in shown],
        "exit_code": exit_code,
        "diagnostics": [diagnostic_document(note) for note in notes],
    }


def _cells(one: Expiry) -> tuple[str, ...]:
    renews = {True: "yes", False: "no", None: UNKNOWN}[one.renews]
    where, expires, status = escape(str(one.address)), format_time(one.expires_at), escape(one.status or UNKNOWN)
    return where, escape(one.id), expires, _time_left(one.days, one.hours), renews, status


def _time_left(days: int | None, hours: int) -> str:
    """Returns the time left, to the hour: what ends in 30 days and some hours does not end within 30 days."""
    if days is None:
        return UNKNOWN
    if days < 0:
        return f"{pluralize(-days, 'day')} ago"
    parts = [pluralize(days, "day")] if days else []
    parts += [pluralize(hours, "hour")] if hours or not days else []
    return " ".join(parts)


def _document(one: Expiry, within: float) -> Document:
    return {
        "address": str(one.address),
        "id": one.id,
        "name": one.name,
        "expires_at": timestamp(one.expires_at),
        "days": one.days,
        "renews": one.renews,
        "status": one.status,
        "ending": one.ends_within(within),
    }
