"""What became of a purchase whose reply was lost: which live servers, and which orders, can be it.

The API gives back nothing the client sends but the name and what it shows (docs/api/devserver-api.md section 9), so a
row counts only when every shown field of the request agrees, it is new, and it is young enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from provisioner.kinds.dev_server import orders, rows
from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.flow import ReadFlow
from provisioner.model.journal import bought
from provisioner.model.purchasing import Absence
from provisioner.model.resource import Live
from provisioner.model.state import Intent

CLOCK_TOLERANCE = 15 * 60 * 1000
"""Milliseconds that the cloud's clocks may disagree by (section 9)."""


def match(intent: Intent, live: Iterable[Live]) -> tuple[Live, ...]:
    return tuple(row for row in live if _may_be(intent, row))


def traces(intent: Intent) -> ReadFlow[tuple[str, ...]]:
    """Orders that may be this prepaid purchase: placed since, and of nobody knows which name (section 8 shows none)."""
    return (yield from orders.placed_since(intent.server_time - CLOCK_TOLERANCE))


def absence(intent: Intent) -> Absence:
    if not rows.prepaid(bought(intent, identifier=None, order_id=None)):
        return Absence.AFTER_QUIET_PERIOD
    wanted, sent = _auto_pay(intent.declared), _auto_pay(intent.request.get("body"))
    return Absence.AT_ONCE if wanted is True and sent is False else Absence.BY_A_PERSON


def _auto_pay(fields: JsonValue) -> JsonValue:
    charging = fields.get("charging_info") if isinstance(fields, Mapping) else None
    return charging.get("is_auto_pay") if isinstance(charging, Mapping) else None


def _may_be(intent: Intent, row: Live) -> bool:
    return (
        row.name == intent.name
        and row.id not in intent.earlier_ids
        and (row.created_at is None or row.created_at >= intent.server_time - CLOCK_TOLERANCE)
        and _agrees({**intent.declared, "name": intent.name}, row.shown)
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
