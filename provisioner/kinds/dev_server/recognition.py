"""Is this live server the one that a lost reply was about?

The API gives back nothing the client sends but the name and what it shows (docs/api/devserver-api.md section 9), so a
row counts only when every shown field of the request agrees, it is new, and it is young enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from provisioner.model.canonical import JsonObject
from provisioner.model.resource import Live
from provisioner.model.state import Intent

CLOCK_TOLERANCE = 15 * 60 * 1000
"""Milliseconds that the cloud's clocks may disagree by (section 9)."""


def match(intent: Intent, live: Iterable[Live]) -> tuple[Live, ...]:
    return tuple(row for row in live if _may_be(intent, row))


def _may_be(intent: Intent, row: Live) -> bool:
    return (
        row.name == intent.name
        and row.id not in intent.earlier_ids
        and (row.created_at is None or row.created_at >= intent.server_time - CLOCK_TOLERANCE)
        and _agrees(intent.declared, row.shown)
    )


def _agrees(declared: JsonObject, shown: JsonObject) -> bool:
    """Every field that both know is equal. What one of them leaves out says nothing."""
    for key, value in shown.items():
        wanted = declared.get(key)
        if isinstance(wanted, Mapping) and isinstance(value, Mapping):
            if not _agrees(wanted, value):
                return False
        elif wanted is not None and wanted != value:
            return False
    return True
