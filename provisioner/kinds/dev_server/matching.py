"""What became of a purchase whose reply was lost: which live servers, and which orders, can be it.

The API gives back nothing the client sends but the name and what it shows (docs/api/devserver-api.md section 9), so a
row counts only when every shown field of the request agrees, it is new, and it is young enough.
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

_NO_EVIDENCE = frozenset({"power", "volumes", "arch", "server_type", "root_volume", "data_volume"})
"""Shown, and never held against a row: the first two anybody may have changed since, and the others are read out of what the row says
of its image, its machine and its disks, which need not be complete. What is not recognised might be bought a second time.
"""

_MOST_ASKED = 50
"""Orders that are asked what they are for; the others may be it."""

CLOCK_TOLERANCE = 15 * 60 * 1000
"""Milliseconds that the cloud's clocks may disagree by (section 9)."""
_BILLING_MAY_BE_BEHIND = 24 * 60 * 60 * 1000
"""Milliseconds: an order is dated by billing's own clock. What was known before the purchase is not taken for it, whatever its date."""
_ON_ITS_WAY = 2 * 60 * 60 * 1000
"""Milliseconds after which a server that differs is none that the request has made: it was carried out long before, or never."""


def match(intent: Intent, live: Iterable[Live]) -> tuple[Live, ...]:
    return tuple(row for row in live if _may_be(intent, row))


def resembles(intent: Intent, live: Iterable[Live]) -> tuple[Live, ...]:
    """What it may have become under another name: somebody may have renamed it since, or the cloud spell it otherwise. Each is new and
    agrees in all else that both tell, however it is written; or in all but one more field, where it was made about then: that may have been
    changed as well.
    """
    if intent.members:
        return ()
    return tuple(row for row in live if row.id == intent.answered_id or _may_be_renamed(intent, row))


def is_another(intent: Intent, row: Live) -> bool:
    """Whether the first row of an id that the cloud has answered with bears another name than was sent, which under a marker is the marked
    one. A cloud that changes all names makes each purchase wait for a person's word; a stranger's server would be renamed and released.
    """
    return bool(row.name) and not are_forms_of_one(row.name, intent.name)


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
    found = yield from orders.placed_since(intent.server_time - _BILLING_MAY_BE_BEHIND)
    if found is None:
        return None
    placed = tuple(_with_what_was_known(intent, trace) for trace in found)
    charging_info = _charging(intent.declared)
    if charging_info.get("charging_mode") != "PRE_PAID":
        return placed
    told: list[Trace] = []
    for trace in placed[:_MOST_ASKED]:
        if trace.mismatch:
            told.append(trace)
            continue
        _, lines = yield from orders.read(trace.order_id)
        told.append(replace(trace, mismatch=orders.otherwise(lines, charging_info, len(intent.addresses))))
    return (*told, *placed[_MOST_ASKED:])


def _with_what_was_known(intent: Intent, trace: Trace) -> Trace:
    return replace(trace, mismatch="was known before it was sent") if trace.order_id in intent.listed_orders else trace


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
    if not is_named or row.id in intent.known_before or row.order_id in intent.listed_orders:
        return False
    return (intent.is_marked and not intent.members) or _is_of_the_kind(intent, row)


def _is_of_the_kind(intent: Intent, row: Live) -> bool:
    is_young = row.created_at is None or row.created_at >= intent.server_time - CLOCK_TOLERANCE
    return is_young and all(is_equal for is_equal, _ in _compared(_but_for_its_name(intent), _but_for_name(row)))


def _may_be_renamed(intent: Intent, row: Live) -> bool:
    is_new = not intent.existed_before(row.id, row.created_at)
    return is_new and _is_alike(intent, row) and not _is_charged_otherwise(intent, row)


def _is_alike(intent: Intent, row: Live) -> bool:
    told = [is_alike for _, is_alike in _compared(_but_for_its_name(intent), _but_for_name(row))]
    return all(told) or (told.count(False) == 1 and True in told and _was_made_about_then(intent, row))


def _was_made_about_then(intent: Intent, row: Live) -> bool:
    """A time that can't be true tells nothing against it, where its id alone says that it is new."""
    if not is_plausible_time(row.created_at):
        return intent.all_listed
    sent = intent.server_time, intent.unknown_since or intent.server_time
    assert row.created_at is not None  # it is a moment
    is_young = intent.all_listed or row.created_at >= sent[0] - CLOCK_TOLERANCE
    return is_young and row.created_at <= max(sent) + _ON_ITS_WAY


def _but_for_its_name(intent: Intent) -> JsonObject:
    return {key: value for key, value in intent.declared.items() if key != "name"}


def _but_for_name(row: Live) -> JsonObject:
    """A mode that only its order tells is nothing to hold against it, either."""
    is_told = charging.mode(row.observed.get("charging_mode")) is not None
    unfit = _NO_EVIDENCE if is_told else _NO_EVIDENCE | {"charging_info"}
    return {key: value for key, value in row.shown.items() if key not in unfit | {"name"}}


def _compared(declared: JsonObject, shown: JsonObject) -> Iterator[tuple[bool, bool]]:
    """Of each field that both tell: whether it is equal, and whether it reads the same, in whatever letter case and with whatever blanks."""
    for key, value in shown.items():
        wanted = declared.get(key)
        if isinstance(wanted, Mapping) and isinstance(value, Mapping):
            yield from _compared(wanted, value)
        elif wanted is not None:
            yield wanted == value, wanted == value or _reads_the_same(wanted, value)


def _reads_the_same(one: JsonValue, other: JsonValue) -> bool:
    return isinstance(one, str) and isinstance(other, str) and _plain(one) == _plain(other)


def _plain(text: str) -> str:
    return "".join(text.split()).casefold()
