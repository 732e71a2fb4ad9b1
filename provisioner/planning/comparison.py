"""What is there, as it is compared with what the specs say: the record, corrected by what the cloud shows of it. Pure."""

from __future__ import annotations

from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.change import FieldChange
from provisioner.model.kind import FieldRule, Kind, OnChange
from provisioner.model.redaction import FINGERPRINT, at, replaced
from provisioner.model.resource import FieldPath, Live

NOTHING: JsonObject = {}


def as_shown(
    kind: Kind, declared: JsonObject, live: Live | None, after: JsonObject, *, baseline: JsonObject = NOTHING
) -> JsonObject:
    """What was declared, corrected by what the cloud shows of it. Fields it shows unasked are nobody's difference.

    Where the cloud has an in-place change already that the record lacks (the reply was lost), the record's word stands: the
    change is made once more, which is harmless, and then recorded. A row that is as the first one after our own purchase shows
    what was declared, in its own spelling; specs that have come to spell it so want no other machine.
    """
    current = declared
    for rule in kind.rules:
        if not rule.shown or live is None:
            continue
        was = at(declared, rule.path)
        now = rule.seen(live.shown, was, declared, after)
        unrecorded = rule.on_change is OnChange.IN_PLACE and now == at(after, rule.path)
        first = now == at(baseline, rule.path) and now != at(after, rule.path)
        if was is not None and now is not None and was != now and not unrecorded and not first:
            current = replaced(current, rule.path, now)
    return current


def with_known_fingerprints(kind: Kind, after: JsonObject, declared: JsonObject) -> JsonObject:
    """A secret that cannot be read here, or could not be when its server was taken over, cannot be compared: it is taken as
    unchanged.
    """
    for path in kind.sensitive():
        if at(after, path) is None or at(declared, path) is None:
            continue
        if at(after, (*path, FINGERPRINT)) is None or at(declared, (*path, FINGERPRINT)) is None:
            after = replaced(after, path, at(declared, path))
    return after


def stated(
    kind: Kind, declared: JsonObject, live: Live | None, after: JsonObject
) -> tuple[JsonObject, tuple[FieldPath, ...]]:
    """The record, with what the specs state of it by now and did not say before: what leaving it out said, and what it left to the
    cloud, as that is shown. What nothing shows is believed of the specs; those are the paths.
    """
    if declared == after:
        return declared, ()
    shown = live.shown if live else {}
    for rule in kind.rules:
        if at(declared, rule.path) is None and _is_so(rule, wanted := at(after, rule.path), shown):
            declared = replaced(declared, rule.path, wanted)
    known, assumed = declared, []
    for rule in kind.rules:
        wanted = at(after, rule.path)
        if not rule.chosen or wanted is None or at(declared, rule.path) is not None or _is_idle(rule, declared, after):
            continue
        now = rule.seen(shown, wanted, declared, after)
        known = replaced(known, rule.path, wanted if now is None else now)
        assumed += [rule.path] if now is None else []
    return known, tuple(assumed)


def _is_so(rule: FieldRule, wanted: JsonValue, shown: JsonObject) -> bool:
    """Leaving it out said so, or whatever it was that this said, the cloud shows it."""
    is_seen = rule.default is not None and rule.outlives_its_line and wanted is not None
    return rule.is_default(wanted) or (is_seen and rule.seen(shown, wanted) == wanted)


def _is_idle(rule: FieldRule, *bodies: JsonObject) -> bool:
    """Of one of them it says nothing: from the one to the other is another machine."""
    return rule.only_where is not None and any(at(body, rule.only_where[0]) != rule.only_where[1] for body in bodies)


def is_taken_out(kind: Kind, item: FieldChange) -> bool:
    """A line that is gone from the specs, and that asks for nothing by that: what was sent stays on record."""
    return (
        item.after is None and (item.forces_replacement or item.reinstalls) and kind.rule(item.path).outlives_its_line
    )
