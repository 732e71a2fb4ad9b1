"""Prepares the record of a resource for its comparison with the specs, by correcting it with what the cloud shows.
Pure.

A row is asked only once about a field that the specs begin to declare. After an apply has recorded the value, a row
that shows another one is drift (docs/decisions/0019).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from provisioner.model.action import FieldChange
from provisioner.model.canonical import JsonObject, JsonValue, canonical
from provisioner.model.field_rule import FieldRule, OnChange
from provisioner.model.kind import Kind
from provisioner.model.purchase_policy import PurchasePolicy
from provisioner.model.redaction import FINGERPRINT, value_at, with_value
from provisioner.model.resource import Desired, FieldPath, Fields, FieldValue, Live, OnOsChange, Recorded
from provisioner.planning.difference import differences

_EMPTY: JsonObject = {}


@dataclass(frozen=True, slots=True)
class Comparison:
    """`known` is the record, extended by the fields that the specs declare now and did not declare before. `current` is
    `known`, corrected by the row. `assumed` are the paths of fields that nothing shows and that are assumed to be as
    the specs say.
    """

    known: JsonObject
    current: JsonObject
    assumed: tuple[FieldPath, ...]


def compare(kind: Kind, recorded: Recorded, live: Live | None, after: JsonObject) -> Comparison:
    known, assumed = with_newly_stated_fields(
        kind,
        recorded.declared,
        live,
        after,
        charged=kind.billing.current_charging(recorded),
        assumed=recorded.assumed,
        baseline=recorded.baseline,
    )
    return Comparison(known, corrected_by_row(kind, known, live, after, recorded=recorded), assumed)


def effective_on_change(kind: Kind, desired: Desired, path: tuple[str, ...]) -> OnChange:
    """Returns what changing a field of this server takes: what its kind says, unless its lifecycle wants another
    machine instead of another system.
    """
    on_change = kind.rule(path).on_change
    other_machine = desired.lifecycle.on_os_change is OnOsChange.REPLACE
    return OnChange.REPLACE if on_change is OnChange.REINSTALL and other_machine else on_change


def field_changes(
    kind: Kind, desired: Desired, after: JsonObject, found: Comparison, *, has_marker: bool
) -> Iterator[FieldChange]:
    """Yields the fields in which `after` differs from what is known. With `has_marker` the name is one of them even where
    the specs ignore it.
    """
    for difference in differences(kind.lasting_fields(found.current), kind.lasting_fields(after)):
        path = difference.path
        before, wanted = value_at(found.current, path), value_at(after, path)
        is_kept = is_ignored(path, desired) and not (path == ("name",) and has_marker)
        if is_kept or canonical([before]) == canonical([wanted]):
            continue
        yield FieldChange(
            path=path,
            before=before,
            after=wanted,
            forces_replacement=effective_on_change(kind, desired, path) is OnChange.REPLACE,
            reinstalls=effective_on_change(kind, desired, path) is OnChange.REINSTALL,
            sensitive=kind.rule(path).secret,
            drift=value_at(found.known, path) == wanted,
        )


def corrected_by_row(
    kind: Kind, declared: JsonObject, live: Live | None, after: JsonObject, *, recorded: Recorded | None = None
) -> JsonObject:
    """Returns `declared`, corrected by what the cloud shows. A shown field that nobody declared is no difference.

    Where the cloud already shows an in-place change that the record lacks (the reply was lost), the recorded value
    stands: the change is sent once more, which is harmless, and then recorded. A row that equals the first one after
    our own purchase shows the declared value in the cloud's spelling.
    """
    current = declared
    for rule in kind.rules:
        if not rule.is_observable or live is None:
            continue
        was = value_at(declared, rule.path)
        now = rule.observed_value(live.shown, was, declared, after)
        if was is None or now is None or was == now:
            continue
        unrecorded = rule.on_change is OnChange.IN_PLACE and now == value_at(after, rule.path)
        if not unrecorded and not _is_respelled(recorded, rule.path, was, now):
            current = with_value(current, rule.path, now)
    return current


def _is_respelled(recorded: Recorded | None, path: FieldPath, was: JsonValue, now: JsonValue) -> bool:
    """Whether `was` and `now` are the same bought value: as it was sent, and as its first row showed it."""
    first = value_at(recorded.baseline, path) if recorded else None
    if recorded is None or first is None:
        return False
    spellings = (first, value_at(recorded.declared, path))
    return was in spellings and now in spellings


def with_newly_stated_fields(
    kind: Kind,
    declared: JsonObject,
    live: Live | None,
    after: JsonObject,
    *,
    charged: JsonObject = _EMPTY,
    assumed: JsonObject = _EMPTY,
    baseline: JsonObject = _EMPTY,
) -> tuple[JsonObject, tuple[FieldPath, ...]]:
    """Returns `declared` extended by the fields that the specs declare now and did not declare before, and the paths of
    those that nothing shows.

    Four kinds of fields are added: a field with the value that its absence meant before; one that changes in place and is
    shown with the wanted value, such as the power of a running server; a field that was left to the cloud, with the value
    that the cloud shows; and a bought value in another spelling. A field that nothing shows is
    assumed to be as the specs say. `charged` is how the server is paid for, from any source, its order included.
    `assumed` are the values that were assumed when the specs were last applied: they stay assumed whatever a row shows,
    as long as the specs say the same.
    """
    if declared == after:
        return _without_inapplicable(kind, declared), ()
    shown = live.shown if live else {}
    declared = _without_inapplicable(kind, declared)
    for rule in kind.rules:
        was, wanted = value_at(declared, rule.path), value_at(after, rule.path)
        is_respelled = was is not None and wanted is not None and value_at(baseline, rule.path) == wanted
        if is_respelled or (was is None and _is_already_true(rule, wanted, shown, charged)):
            declared = with_value(declared, rule.path, wanted)
    known, unshown = declared, []
    for rule in kind.rules:
        wanted = value_at(after, rule.path)
        if not rule.cloud_chooses or wanted is None or value_at(declared, rule.path) is not None:
            continue
        if _is_inapplicable(rule, shown, declared, after):
            continue
        now = rule.observed_value(shown, wanted, declared, after)
        is_believed = now is None or value_at(assumed, rule.path) == wanted
        known = with_value(known, rule.path, wanted if is_believed else now)
        unshown += [rule.path] if now is None else []
    return known, tuple(unshown)


def contradicted_defaults(
    kind: Kind, declared: JsonObject, live: Live | None, after: JsonObject, policy: PurchasePolicy
) -> Iterator[FieldChange]:
    """Yields the fields that the specs leave out although the cloud shows another value than their absence means.

    What was recorded while the specs said more does not count, because the next server with these specs is bought with
    the default. Only fields whose change takes another system or another machine count: a default that could be set in
    place is no difference.
    """
    for rule in kind.rules:
        if live is None or not rule.survives_removal or value_at(after, rule.path) is not None:
            continue
        if (said := kind.default(rule, policy)) is None:
            continue
        now = rule.observed_value(live.shown, said, declared, after)
        if now is not None and canonical([now]) != canonical([said]):
            yield FieldChange(
                rule.path,
                now,
                said,
                forces_replacement=rule.on_change is OnChange.REPLACE,
                reinstalls=rule.on_change is OnChange.REINSTALL,
                drift=True,
            )


def with_known_fingerprints(kind: Kind, after: JsonObject, declared: JsonObject) -> JsonObject:
    """Returns `after` with the recorded value of each secret that has no fingerprint on one side: it cannot be read
    here, or could not be read at the import. Such a secret counts as unchanged, because it cannot be compared.
    """
    for path in kind.sensitive():
        if value_at(after, path) is None or value_at(declared, path) is None:
            continue
        if value_at(after, (*path, FINGERPRINT)) is None or value_at(declared, (*path, FINGERPRINT)) is None:
            after = with_value(after, path, value_at(declared, path))
    return after


def is_removed_from_specs(kind: Kind, item: FieldChange) -> bool:
    """Whether the field was removed from the specs and its removal asks for nothing: what was sent stays recorded."""
    return item.after is None and (item.forces_replacement or item.reinstalls) and kind.rule(item.path).survives_removal


def is_ignored(path: FieldPath, desired: Desired) -> bool:
    return any(path[: len(head)] == head for head in desired.lifecycle.ignore_changes)


def _is_already_true(rule: FieldRule, wanted: JsonValue, shown: JsonObject, charged: JsonObject) -> bool:
    """Whether the server already is as `wanted`: by the field's default, or, whatever the default was, by what the
    cloud shows.
    """
    if rule.is_default(wanted):
        return True
    if rule.on_change is OnChange.IN_PLACE:
        return wanted is not None and rule.observed_value(shown, wanted) == wanted
    if rule.default is None or not rule.survives_removal or wanted is None:
        return False
    seen = rule.observed_value(shown, wanted)
    return (value_at(charged, rule.path) if seen is None else seen) == wanted


def _without_inapplicable(kind: Kind, declared: JsonObject) -> JsonObject:
    """Drops the fields that do not apply to the recorded charging mode, such as a period beside pay-per-use. They were
    never bought, so nothing is compared with them later.
    """
    for rule in kind.rules:
        if rule.only_where is not None and value_at(declared, rule.path) is not None:
            path, value = rule.only_where
            declared = declared if value_at(declared, path) == value else with_value(declared, rule.path, None)
    return declared


def _is_inapplicable(rule: FieldRule, shown: JsonObject, declared: JsonObject, after: JsonObject) -> bool:
    """Whether the field does not apply in the specs, or not to what is there. A change between the two modes takes
    another machine.
    """
    if rule.only_where is None:
        return False
    path, value = rule.only_where
    return value_at(after, path) != value or value not in (value_at(declared, path), value_at(shown, path))


def declares_new_billed_field(kind: Kind, recorded: Recorded, desired: Desired) -> bool:
    """Whether the specs declare a billed field that this state did not ask for. Only billing knows its value."""
    declared = _without_inapplicable(kind, recorded.declared)
    return any(
        rule.shown_by_billing
        and value_at(declared, rule.path) is None
        and not is_ignored(rule.path, desired)
        and _value_in_specs(desired.fields, rule.path) is not None
        and (rule.only_where is None or _value_in_specs(desired.fields, rule.only_where[0]) == rule.only_where[1])
        for rule in kind.rules
    )


def _value_in_specs(fields: Fields, path: FieldPath) -> FieldValue:
    value: FieldValue = fields
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def state_only_changes(desired: Desired, recorded: Recorded) -> Iterator[FieldChange]:
    for found in differences(dict(recorded.labels), dict(desired.labels)):
        yield FieldChange(("labels", *found.path), found.before, found.after)
    if desired.lifecycle.prevent_destroy not in {None, recorded.protected}:
        path: FieldPath = ("lifecycle", "prevent_destroy")
        yield FieldChange(path, recorded.protected, desired.lifecycle.prevent_destroy)


def without_reinstallations(fields: Iterable[FieldChange]) -> tuple[FieldChange, ...]:
    """Returns the fields without the mark of a reinstallation: a machine that is released is not reinstalled before."""
    return tuple(replace(item, reinstalls=False) for item in fields)
