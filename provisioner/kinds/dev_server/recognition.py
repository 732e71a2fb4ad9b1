"""What became of a purchase whose reply was lost: which live servers, and which orders, can be it.

The API gives back nothing the client sends but the name and what it shows (docs/api/devserver-api.md section 9), so a
row counts only when every shown field of the request agrees, it is new, and it is young enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from provisioner.kinds.dev_server import charging, orders
from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.flow import ReadFlow
from provisioner.model.purchasing import Absence, Trace
from provisioner.model.resource import Live
from provisioner.model.state import Intent

_NO_EVIDENCE = frozenset({"power", "volumes", "arch", "server_type", "root_volume", "data_volume"})
"""Shown, and never held against a row: the first two anybody may have changed since, and the others are read out of what the row says
of its image, its machine and its disks, which need not be complete. What is not recognised might be bought a second time.
"""

_MOST_ASKED = 50
"""Orders that are asked what they are for; the others may be it."""

CLOCK_TOLERANCE = 15 * 60 * 1000
"""Milliseconds that the cloud's clocks may disagree by (section 9)."""


def match(intent: Intent, live: Iterable[Live]) -> tuple[Live, ...]:
    return tuple(row for row in live if _may_be(intent, row))


def resembles(intent: Intent, live: Iterable[Live]) -> tuple[Live, ...]:
    """What it may have become under another name: somebody may have renamed it since, or the cloud spell it otherwise. Each is new and
    young enough, and agrees in all else that both tell, however it is written.
    """
    if intent.members:
        return ()
    known = intent.known_before
    return tuple(
        row
        for row in live
        if row.id not in known
        and _is_of_the_kind(intent, row, exactly=False)
        and not _is_charged_otherwise(intent, row)
    )


def _is_charged_otherwise(intent: Intent, row: Live) -> bool:
    """It shows another charging mode than was sent: with another name besides, it is another purchase."""
    shown = charging.mode(row.observed.get("charging_mode"))
    sent = _charging(intent.request.get("body")).get("charging_mode") or _charging(intent.declared).get("charging_mode")
    return shown is not None and sent is not None and shown != charging.mode(sent)


def traces(intent: Intent) -> ReadFlow[tuple[Trace, ...] | None]:
    """Orders placed since, of nobody knows which name (section 8 shows none); None where billing does not say. A server that was
    asked for as pay-per-use has none.
    """
    if _charging(intent.declared).get("charging_mode") == "POST_PAID":
        return ()
    placed = yield from orders.placed_since(intent.server_time - CLOCK_TOLERANCE)
    charging_info = _charging(intent.declared)
    if placed is None or charging_info.get("charging_mode") != "PRE_PAID":
        return placed
    told: list[Trace] = []
    for trace in placed[:_MOST_ASKED]:
        _, lines = yield from orders.read(trace.order_id)
        told.append(replace(trace, otherwise=orders.otherwise(lines, charging_info, len(intent.addresses))))
    return (*told, *placed[_MOST_ASKED:])


def absence(intent: Intent) -> Absence:
    """Which mode the cloud takes where none is declared is not published (section 10, question 3): it may place an order."""
    if intent.members:
        return Absence.BY_A_PERSON
    match _charging(intent.declared).get("charging_mode"):
        case "PRE_PAID":
            sent = _charging(intent.request.get("body")).get("is_auto_pay")
            two_steps = _charging(intent.declared).get("is_auto_pay") is True and sent is False
            return Absence.AFTER_QUIET_PERIOD_WITHOUT_ORDER if two_steps else Absence.BY_A_PERSON
        case "POST_PAID":
            return Absence.AFTER_QUIET_PERIOD
        case _:
            return Absence.AFTER_QUIET_PERIOD_WITHOUT_ORDER


def _charging(fields: JsonValue) -> JsonObject:
    charging = fields.get("charging_info") if isinstance(fields, Mapping) else None
    return charging if isinstance(charging, Mapping) else {}


def _may_be(intent: Intent, row: Live) -> bool:
    """Under a marker the name alone says it: nobody else can bear it, however the cloud spells the rest. How it names those that
    one call buys is not published: the name that was sent is taken for a beginning, and is not compared further.
    """
    if intent.members:
        is_named = row.order_id is not None and row.name.startswith(intent.name)
    else:
        is_named = row.name == intent.name
    if not is_named or row.id in intent.known_before:
        return False
    return (intent.is_marked and not intent.members) or _is_of_the_kind(intent, row)


def _is_of_the_kind(intent: Intent, row: Live, *, exactly: bool = True) -> bool:
    is_young = row.created_at is None or row.created_at >= intent.server_time - CLOCK_TOLERANCE
    return is_young and _agrees({**intent.declared, "name": row.name}, _as_bought(row), exactly=exactly)


def _as_bought(row: Live) -> JsonObject:
    """A mode that only its order tells is nothing to hold against it, either."""
    is_told = charging.mode(row.observed.get("charging_mode")) is not None
    unfit = _NO_EVIDENCE if is_told else _NO_EVIDENCE | {"charging_info"}
    return {key: value for key, value in row.shown.items() if key not in unfit}


def _agrees(declared: JsonObject, shown: JsonObject, *, exactly: bool) -> bool:
    """Every field that both know is equal. What one of them leaves out says nothing."""
    for key, value in shown.items():
        wanted = declared.get(key)
        if isinstance(wanted, Mapping) and isinstance(value, Mapping):
            if not _agrees(wanted, value, exactly=exactly):
                return False
        elif wanted is not None and wanted != value and (exactly or not _reads_the_same(wanted, value)):
            return False
    return True


def _reads_the_same(one: JsonValue, other: JsonValue) -> bool:
    return isinstance(one, str) and isinstance(other, str) and one.casefold() == other.casefold()
