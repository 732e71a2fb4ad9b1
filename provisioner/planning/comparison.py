"""What is there, as it is compared with what the specs say: the record, corrected by what the cloud shows of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.model.canonical import JsonObject, JsonValue, canonical
from provisioner.model.change import FieldChange
from provisioner.model.kind import FieldRule, Kind, OnChange
from provisioner.model.purchasing import PurchasePolicy
from provisioner.model.redaction import FINGERPRINT, at, replaced
from provisioner.model.resource import Desired, FieldPath, Live, Recorded
from provisioner.planning.difference import differences

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
        if not rule.may_be_seen or live is None:
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
    kind: Kind, declared: JsonObject, live: Live | None, after: JsonObject, *, charged: JsonObject = NOTHING
) -> tuple[JsonObject, tuple[FieldPath, ...]]:
    """The record, with what the specs state of it by now and did not say before: what leaving it out said, and what it left to the
    cloud, as that is shown. What nothing shows is believed of the specs; those are the paths. `charged` is how it is paid for by
    whatever says so, its order included.
    """
    if declared == after:
        return declared, ()
    shown = live.shown if live else {}
    declared = _without_idle(kind, declared, shown, after)
    for rule in kind.rules:
        wanted = at(after, rule.path)
        if at(declared, rule.path) is None and _is_so(rule, wanted, shown, charged):
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


def denied(
    kind: Kind, declared: JsonObject, live: Live | None, after: JsonObject, policy: PurchasePolicy
) -> Iterator[FieldChange]:
    """What the cloud shows otherwise than leaving the field out says, where neither the specs nor the record say more than that. Only
    where the way back is another system or another machine: what is changed in place is nobody's difference.
    """
    for rule in kind.rules:
        said, recorded = kind.default(rule, policy), at(declared, rule.path)
        if live is None or said is None or not rule.outlives_its_line or at(after, rule.path) is not None:
            continue
        now = rule.seen(live.shown, said, declared, after)
        if now is not None and recorded in (None, said) and canonical([now]) != canonical([said]):
            yield FieldChange(
                rule.path,
                now,
                said,
                forces_replacement=rule.on_change is OnChange.REPLACE,
                reinstalls=rule.on_change is OnChange.REINSTALL,
                drift=True,
            )


def _without_idle(kind: Kind, declared: JsonObject, shown: JsonObject, after: JsonObject) -> JsonObject:
    """Where the specs have come to say what is shown, and not what was declared, what stood beside the old value without saying
    anything is not declared, either: the specs are the first to say it.
    """
    corrected = declared
    for rule in kind.rules:
        if rule.only_where is None or at(declared, rule.path) is None:
            continue
        head, value = rule.only_where
        was, now = at(declared, head), at(shown, head)
        if was != value and now == value and at(after, head) == value:
            corrected = replaced(replaced(corrected, rule.path, None), head, now)
    return corrected


def _is_so(rule: FieldRule, wanted: JsonValue, shown: JsonObject, charged: JsonObject) -> bool:
    """Leaving it out said so, or whatever it was that this said, the cloud shows it."""
    if rule.is_default(wanted):
        return True
    if rule.default is None or not rule.outlives_its_line or wanted is None:
        return False
    seen = rule.seen(shown, wanted)
    return (at(charged, rule.path) if seen is None else seen) == wanted


def _is_idle(rule: FieldRule, *bodies: JsonObject) -> bool:
    """Of one of them it says nothing: from the one to the other is another machine."""
    return rule.only_where is not None and any(at(body, rule.only_where[0]) != rule.only_where[1] for body in bodies)


def is_taken_out(kind: Kind, item: FieldChange) -> bool:
    """A line that is gone from the specs, and that asks for nothing by that: what was sent stays on record."""
    return (
        item.after is None and (item.forces_replacement or item.reinstalls) and kind.rule(item.path).outlives_its_line
    )


def kept_in_state_only(desired: Desired, recorded: Recorded) -> Iterator[FieldChange]:
    for found in differences(dict(recorded.labels), dict(desired.labels)):
        yield FieldChange(("labels", *found.path), found.before, found.after)
    if desired.lifecycle.prevent_destroy not in {None, recorded.protected}:
        path: FieldPath = ("lifecycle", "prevent_destroy")
        yield FieldChange(path, recorded.protected, desired.lifecycle.prevent_destroy)
