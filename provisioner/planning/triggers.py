"""Implements `lifecycle.replace_triggered_by`: a server is replaced because another one changes.

When the process dies before the replacement, the change that triggers it may be done, and be no change any more. So the
trigger is noted in the records before any work begins, and planned from there. The note holds how the causes were at
that time: a note of which no cause has changed since (refused, not begun, put back) does not count. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from provisioner.model.action import Action, FieldChange, Reason
from provisioner.model.address import Address
from provisioner.model.canonical import JsonObject, JsonValue, canonical
from provisioner.model.change import Change, NoOpChange, ReplaceChange, convert_to
from provisioner.model.dependency import Dependency
from provisioner.model.journal import Remembered
from provisioner.model.plan import Plan
from provisioner.model.redaction import value_at
from provisioner.model.resource import FieldPath, Phase, Recorded

_PATH: FieldPath = ("lifecycle", "replace_triggered_by")
_TRIGGERED_BY = "triggered_by"
_CAUSES = "causes"
_IN_STATE_ONLY = frozenset({"labels", "lifecycle"})


def add_triggered_replacements(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Returns `changes` with the replacements that they trigger and those that an earlier run had noted. Chains are
    followed.
    """
    by_address = {change.address: change for change in changes}
    waiting: dict[Address, list[Change]] = {}
    for change in by_address.values():
        for reference in _references(change):
            waiting.setdefault(reference, []).append(change)
    causes: dict[Address, set[str]] = {}
    for change in by_address.values():
        if (note := _noted_cause(change, by_address.values())) is not None and _references(change):
            causes[change.address] = {note}
    triggering = [
        change.address for change in by_address.values() if _triggers_others(change) or change.address in causes
    ]
    queued = set(triggering)
    while triggering:
        address = triggering.pop()
        for dependent in _dependents(address, waiting):
            causes.setdefault(dependent.address, set()).add(str(address))
            if dependent.address not in queued:
                queued.add(dependent.address)
                triggering.append(dependent.address)
    return tuple(_with_cause(change, causes.get(change.address)) for change in by_address.values())


def dependencies_on_causes(changes: Sequence[Change], existing: Iterable[Dependency]) -> Iterator[Dependency]:
    """Yields dependencies that begin a triggered replacement when its cause is done. Otherwise a cause that fails would
    replace the server now, and again when it is mended. A dependency that exists already in the other direction takes
    precedence.
    """
    triggering = _by_reference(changes)
    awaited: dict[Address, list[tuple[Address, ...]]] = {}
    for dependency in existing:
        for address in dependency.addresses:
            awaited.setdefault(address, []).append(dependency.after)
    dependents: dict[tuple[Address, ...], list[Address]] = {}
    for change in changes:
        if change.action is not Action.REPLACE or change.desired is None or not any(map(is_cause, change.fields)):
            continue  # what is left out or held back is only noted
        causes = tuple(one.address for one in _causes_of(change, triggering))
        if causes and not _depends_on(change.address, causes, awaited):
            awaited.setdefault(change.address, []).append(causes)
            dependents.setdefault(causes, []).append(change.address)
    for causes, addresses in dependents.items():
        yield Dependency(tuple(addresses), causes, "what is triggered")


def _depends_on(goal: Address, start: Iterable[Address], awaited: Mapping[Address, list[tuple[Address, ...]]]) -> bool:
    """Whether one of `start` waits for `goal`, directly or through others."""
    to_ask, asked = [*start], set[Address]()
    while to_ask:
        address = to_ask.pop()
        if address == goal:
            return True
        if address not in asked:
            asked.add(address)
            to_ask += (one for after in awaited.get(address, ()) for one in after)
    return False


def trigger_entries(plan: Plan) -> Iterator[Remembered]:
    """Yields the notes that have to be on disk before any of the plan's work begins. They are written before the moves,
    so they use the former address. A replacement that this run leaves out is left to a later one.
    """
    triggering = _by_reference(plan.changes)
    for change in plan.changes:
        cause = next((item.after for item in change.fields if is_cause(item)), None)
        if cause is not None and change.recorded is not None and change.desired is not None:
            pending = {key: value for key, value in change.recorded.pending.items() if key != _CAUSES}
            before = {str(one.address): _snapshot(one) for one in _causes_of(change, triggering)}
            if _noted_cause(change, plan.changes) is None and None not in before.values():
                pending[_CAUSES] = before
            pending[_TRIGGERED_BY] = cause
            yield Remembered(change.moved_from or change.address, change.recorded.phase, pending=pending)


def hold_back_without_cause(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Holds back replacements whose causes are held back, or of which nothing shows that they have changed. Chains are
    followed.
    """
    whole = tuple(changes)
    while True:
        triggering = _by_reference(whole)
        idle = {change.address for change in whole if _lacks_cause(change, whole, triggering)}
        if not idle:
            return whole
        whole = tuple(
            convert_to(change, NoOpChange, reason=Reason.BLOCKED, fields=()) if change.address in idle else change
            for change in whole
        )


def _lacks_cause(change: Change, changes: Iterable[Change], triggering: Mapping[Address, list[Change]]) -> bool:
    """Whether the change is only a triggered replacement without a cause: none is planned, and none that was noted has
    visibly changed.
    """
    forcing = [item for item in change.fields if item.forces_replacement]
    is_triggered = change.action is Action.REPLACE and change.reason is Reason.CANNOT_UPDATE and bool(forcing)
    if not is_triggered or not all(map(is_cause, forcing)):
        return False
    return not _causes_of(change, triggering) and (
        _noted_cause(change, changes) is None or _awaits_confirmation(change, changes)
    )


def _awaits_confirmation(change: Change, changes: Iterable[Change]) -> bool:
    """Whether all noted causes count as carried out and nothing shows that they were. Another machine is bought once
    something shows it, or once a person names the address.
    """
    causes = change.recorded.pending.get(_CAUSES) if change.recorded else None
    by_name = {str(one.address): one for one in changes}
    noted_causes = [by_name.get(str(name)) for name in causes] if isinstance(causes, Mapping) else []
    return bool(noted_causes) and all(
        one is not None and one.recorded is not None and bool(one.recorded.unconfirmed) for one in noted_causes
    )


def _by_reference(changes: Iterable[Change]) -> Mapping[Address, list[Change]]:
    """Returns the changes that trigger others, by the addresses that references name them by."""
    triggering: dict[Address, list[Change]] = {}
    for change in filter(_triggers_others, changes):
        for reference in {change.address, change.address.group}:
            triggering.setdefault(reference, []).append(change)
    return triggering


def _causes_of(change: Change, triggering: Mapping[Address, list[Change]]) -> list[Change]:
    references = change.desired.lifecycle.replace_triggered_by if change.desired else ()
    return [one for named in references for one in triggering.get(named, ())]


def _noted_cause(change: Change, changes: Iterable[Change]) -> str | None:
    """Returns the cause that an earlier run noted; None without a note, or where no cause has changed since."""
    pending: JsonObject = change.recorded.pending if change.recorded else {}
    note, causes = pending.get(_TRIGGERED_BY), pending.get(_CAUSES)
    if not note:
        return None
    if not isinstance(causes, Mapping) or not causes:
        return str(note)
    by_name = {str(name): one for one in changes for name in (one.address, one.moved_from) if name is not None}
    return None if all(_is_unchanged(by_name.get(name), was) for name, was in causes.items()) else str(note)


def _snapshot(cause: Change) -> JsonObject | None:
    """Returns the cause's server and the recorded values of the fields that are to change; None where its change leaves
    no trace in the record.
    """
    recorded = cause.recorded
    if recorded is None:
        return None
    fields = [item for item in cause.fields if item.path[0] not in _IN_STATE_ONLY]
    if cause.action is not Action.REPLACE and all(
        value_at(recorded.declared, item.path) == item.after for item in fields
    ):
        return None
    return _recorded_values(recorded, (item.path for item in fields))


def _is_unchanged(cause: Change | None, was: JsonValue) -> bool:
    recorded = cause.recorded if cause is not None else None
    if recorded is None or recorded.phase is not Phase.READY or not isinstance(was, Mapping):
        return False
    fields: Any = was.get("was", ())
    return canonical([_recorded_values(recorded, map(_noted_path, fields))]) == canonical([was])


def _recorded_values(recorded: Recorded, paths: Iterable[FieldPath]) -> JsonObject:
    return {"id": recorded.id, "was": [[list(path), value_at(recorded.declared, path)] for path in paths]}


def _noted_path(pair: Any) -> FieldPath:
    """Returns the path of a noted pair of a path and its value."""
    return tuple(pair[0])


def is_cause(field: FieldChange) -> bool:
    """Whether the field is the one that names the cause of a replacement."""
    return field.path == _PATH


def _references(change: Change) -> tuple[Address, ...]:
    """Returns the addresses that may trigger the replacement of this server; none where it vanished, failed or is
    unfinished, because that is dealt with first.
    """
    recorded, desired = change.recorded, change.desired
    if recorded is None or desired is None or recorded.phase is not Phase.READY:
        return ()
    if change.action not in {Action.NO_OP, Action.UPDATE, Action.REINSTALL, Action.RESUME} or change.reason in {
        Reason.VANISHED,
        Reason.LEAVING,
    }:
        return ()
    return desired.lifecycle.replace_triggered_by


def _dependents(address: Address, waiting: dict[Address, list[Change]]) -> Iterator[Change]:
    yield from waiting.get(address, ())
    if address.key is not None:
        yield from waiting.get(address.group, ())


def _triggers_others(change: Change) -> bool:
    """Whether the change triggers others. One that only mends a row that shows other values does not: no row alone
    releases a server (docs/decisions/0017).
    """
    if change.action in {Action.REPLACE, Action.REINSTALL}:
        return True
    changed = (item for item in change.fields if item.path[0] not in _IN_STATE_ONLY and not item.drift)
    return change.action is Action.UPDATE and any(changed)


def _with_cause(change: Change, causes: set[str] | None) -> Change:
    if not causes:
        return change
    kept = tuple(replace(item, reinstalls=False) for item in change.fields)
    cause = FieldChange(_PATH, None, ", ".join(sorted(causes)), forces_replacement=True)
    return convert_to(change, ReplaceChange, reason=Reason.CANNOT_UPDATE, fields=(*kept, cause))
