"""Finds the live servers and the orders that a purchase whose reply was lost may have become.

The API returns nothing of a request but the name and the fields that rows show (docs/api/devserver-api.md section 9).
So a row matches only when all shown fields agree with the request, and it is new and young enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from provisioner.kinds.dev_server import charging, orders
from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.flow import ReadFlow
from provisioner.model.lookalikes import are_forms_of_one
from provisioner.model.purchase_policy import Absence, Trace
from provisioner.model.resource import Live
from provisioner.model.state import Intent, is_plausible_time

_INCONCLUSIVE = frozenset({"power", "volumes", "arch", "server_type", "root_volume", "data_volume"})
"""Shown fields that never exclude a row.

Anybody may have changed the first two since; the others are derived from what the row shows of its image, machine and
disks, which need not be complete. A server that is not recognised might be bought a second time.
"""

_MAX_ORDERS_READ = 50
"""How many orders are read to see what they are for; each of the others may be the purchase."""

CLOCK_TOLERANCE = 15 * 60 * 1000
"""How much the cloud's clocks may disagree, in milliseconds (section 9)."""
_BILLING_LAG = 24 * 60 * 60 * 1000
"""How far billing's clock, by which orders are dated, may be behind, in milliseconds.

An order that was known before the purchase is never taken for it, whatever its date.
"""
_LATEST_CREATION = 2 * 60 * 60 * 1000
"""Milliseconds after which a new server that differs from the request can't be its result.

By then the request was carried out long before, or never.
"""


def exact_matches(intent: Intent, live: Iterable[Live]) -> tuple[Live, ...]:
    """Returns the rows that may be the purchase under the name that was sent."""
    return tuple(row for row in live if _may_be(intent, row))


def similar_rows(intent: Intent, live: Iterable[Live]) -> tuple[Live, ...]:
    """Returns the rows that the purchase may have become under another name.

    Somebody may have renamed it, or the cloud may spell its name otherwise. Each is new and agrees in every other field
    that both show, up to case and blanks. One more field may differ, as that may have been changed as well, where the
    row was created at about the time of the request.
    """
    if intent.members:
        return ()
    return tuple(row for row in live if row.id == intent.answered_id or _may_be_renamed(intent, row))


def has_another_name(intent: Intent, row: Live) -> bool:
    """Returns whether the first row of an answered id has another name than was sent (under a marker, the marked one).

    A cloud that changes all names thus makes each purchase wait for a person's decision. The alternative is worse: a
    stranger's server would be renamed and released.
    """
    return bool(row.name) and not are_forms_of_one(row.name, intent.name)


def _has_another_mode(intent: Intent, row: Live) -> bool:
    """Returns whether the row shows another charging mode than was sent.

    If its name differs too, it is another purchase.
    """
    shown = charging.parse_mode(row.observed.get("charging_mode"))
    sent = _charging(intent.request.get("body")).get("charging_mode") or _charging(intent.declared).get("charging_mode")
    return shown is not None and sent is not None and shown != charging.parse_mode(sent)


def possible_orders(intent: Intent) -> ReadFlow[tuple[Trace, ...] | None]:
    """Reads the orders placed since the purchase, any of which may be it, as orders show no name (section 8).

    Returns None where billing does not answer. A server that was requested as pay-per-use has no order.
    """
    if _charging(intent.declared).get("charging_mode") == "POST_PAID":
        return ()
    found = yield from orders.placed_since(intent.server_time - _BILLING_LAG)
    if found is None:
        return None
    placed = tuple(_exclude_known(intent, trace) for trace in found)
    charging_info = _charging(intent.declared)
    if charging_info.get("charging_mode") != "PRE_PAID":
        return placed
    examined: list[Trace] = []
    for trace in placed[:_MAX_ORDERS_READ]:
        if trace.mismatch:
            examined.append(trace)
            continue
        _, lines = yield from orders.read(trace.order_id)
        difference = orders.describe_difference(lines, charging_info, len(intent.addresses))
        examined.append(replace(trace, mismatch=difference))
    return (*examined, *placed[_MAX_ORDERS_READ:])


def _exclude_known(intent: Intent, trace: Trace) -> Trace:
    return replace(trace, mismatch="was known before it was sent") if trace.order_id in intent.listed_orders else trace


def absence(intent: Intent) -> Absence:
    """Returns what must hold before the purchase is presumed absent.

    Where no mode was declared, it may have placed an order: which mode the cloud then takes is not published (section
    10, question 3).
    """
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
    """Returns whether the row may be the purchase, or one of its servers.

    Under a marker the name decides alone: no other server can have it, however the cloud spells the rest. How the cloud
    names the servers of one call is not published, so their names need only begin with the name that was sent.
    """
    if intent.members:
        is_named = row.order_id is not None and row.name.startswith(intent.name)
    else:
        is_named = row.name == intent.name
    if not is_named or row.id in intent.known_before or row.order_id in intent.listed_orders:
        return False
    return (intent.is_marked and not intent.members) or _is_as_requested(intent, row)


def _is_as_requested(intent: Intent, row: Live) -> bool:
    is_young = row.created_at is None or row.created_at >= intent.server_time - CLOCK_TOLERANCE
    return is_young and all(is_equal for is_equal, _ in _compare(_declared_fields(intent), _conclusive_fields(row)))


def _may_be_renamed(intent: Intent, row: Live) -> bool:
    is_new = not intent.existed_before(row.id, row.created_at)
    return is_new and _is_alike(intent, row) and not _has_another_mode(intent, row)


def _is_alike(intent: Intent, row: Live) -> bool:
    alike = [is_alike for _, is_alike in _compare(_declared_fields(intent), _conclusive_fields(row))]
    return all(alike) or (alike.count(False) == 1 and True in alike and _was_created_about_then(intent, row))


def _was_created_about_then(intent: Intent, row: Live) -> bool:
    """Returns whether the row was created at about the time of the request.

    A row without a plausible time counts where the list before the request was complete, as its id alone then shows
    that it is new.
    """
    if not is_plausible_time(row.created_at):
        return intent.all_listed
    sent = intent.server_time, intent.unknown_since or intent.server_time
    assert row.created_at is not None  # as its time is plausible
    is_young = intent.all_listed or row.created_at >= sent[0] - CLOCK_TOLERANCE
    return is_young and row.created_at <= max(sent) + _LATEST_CREATION


def _declared_fields(intent: Intent) -> JsonObject:
    return {key: value for key, value in intent.declared.items() if key != "name"}


def _conclusive_fields(row: Live) -> JsonObject:
    """Returns the shown fields that may exclude the row, without its name.

    A mode that only its order shows is not one of them.
    """
    shows_mode = charging.parse_mode(row.observed.get("charging_mode")) is not None
    inconclusive = _INCONCLUSIVE if shows_mode else _INCONCLUSIVE | {"charging_info"}
    return {key: value for key, value in row.shown.items() if key not in inconclusive | {"name"}}


def _compare(declared: JsonObject, shown: JsonObject) -> Iterator[tuple[bool, bool]]:
    """Yields, for each field that both have, whether it is equal, and whether it is equal up to case and blanks."""
    for key, value in shown.items():
        wanted = declared.get(key)
        if isinstance(wanted, Mapping) and isinstance(value, Mapping):
            yield from _compare(wanted, value)
        elif wanted is not None:
            yield wanted == value, wanted == value or _are_alike(wanted, value)


def _are_alike(one: JsonValue, other: JsonValue) -> bool:
    return isinstance(one, str) and isinstance(other, str) and _normalize(one) == _normalize(other)


def _normalize(text: str) -> str:
    return "".join(text.split()).casefold()
