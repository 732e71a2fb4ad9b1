"""What is there, as it is compared with what the specs say: the record, corrected by what the cloud shows of it. Pure."""

from __future__ import annotations

from provisioner.model.canonical import JsonObject
from provisioner.model.change import FieldChange
from provisioner.model.kind import Kind, OnChange
from provisioner.model.redaction import FINGERPRINT, at, replaced
from provisioner.model.resource import Live


def as_shown(kind: Kind, declared: JsonObject, live: Live | None, after: JsonObject) -> JsonObject:
    """What was declared, corrected by what the cloud shows of it. Fields it shows unasked are nobody's difference.

    Where the cloud has an in-place change already that the record lacks (the reply was lost), the record's word stands: the
    change is made once more, which is harmless, and then recorded.
    """
    current = declared
    for rule in kind.rules:
        if not rule.shown or live is None:
            continue
        was, now = at(declared, rule.path), at(live.shown, rule.path)
        if rule.among and isinstance(was, list | tuple) and isinstance(now, list | tuple):
            now = [item for item in was if item in now]
        unrecorded = rule.on_change is OnChange.IN_PLACE and now == at(after, rule.path)
        if was is not None and now is not None and was != now and not unrecorded:
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


def stated(kind: Kind, declared: JsonObject, after: JsonObject) -> JsonObject:
    """The record, with what the specs state of it by now and leaving it out said before."""
    for rule in kind.rules:
        if at(declared, rule.path) is None and rule.is_default(wanted := at(after, rule.path)):
            declared = replaced(declared, rule.path, wanted)
    return declared


def is_taken_out(kind: Kind, item: FieldChange) -> bool:
    """A line that is gone from the specs, and that asks for nothing by that: what was sent stays on record."""
    return (
        item.after is None and (item.forces_replacement or item.reinstalls) and kind.rule(item.path).outlives_its_line
    )
