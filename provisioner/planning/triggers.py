"""`lifecycle.replace_triggered_by`: a server that is replaced because another one changes, and how that outlives a death.

The change that sets it off may be done, and be no change any more, when the process dies before the replacement. So what is set
off is noted in the records before any work begins, and planned from there. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from provisioner.model.address import Address
from provisioner.model.change import Action, Change, FieldChange, Plan, Reason
from provisioner.model.journal import Remembered
from provisioner.model.resource import FieldPath, Phase

_PATH: FieldPath = ("lifecycle", "replace_triggered_by")
_NOTED = "triggered_by"
_IN_STATE_ONLY = frozenset({"labels", "lifecycle"})


def set_off(changes: Iterable[Change]) -> tuple[Change, ...]:
    """`changes` with the replacements that they set off, and those that an earlier run had noted; chains are followed."""
    by_address = {change.address: change for change in changes}
    waiting: dict[Address, list[Change]] = {}
    for change in by_address.values():
        for reference in _references(change):
            waiting.setdefault(reference, []).append(change)
    causes: dict[Address, set[str]] = {}
    for change in by_address.values():
        if (noted := change.recorded and change.recorded.pending.get(_NOTED)) and _references(change):
            causes[change.address] = {str(noted)}
    acting = [change.address for change in by_address.values() if _acts(change) or change.address in causes]
    told = set(acting)
    while acting:
        address = acting.pop()
        for dependent in _dependents(address, waiting):
            causes.setdefault(dependent.address, set()).add(str(address))
            if dependent.address not in told:
                told.add(dependent.address)
                acting.append(dependent.address)
    return tuple(_replaced(change, causes.get(change.address)) for change in by_address.values())


def noted(plan: Plan) -> Iterator[Remembered]:
    """What has to be on disk before any of the plan's work begins, moves included, so that it is told of the former address. A
    replacement that this run leaves out is left to a later one.
    """
    for change in plan.changes:
        cause = next((item.after for item in change.fields if is_cause(item)), None)
        if cause is not None and change.recorded is not None:
            pending = {**change.recorded.pending, _NOTED: cause}
            yield Remembered(change.moved_from or change.address, change.recorded.phase, pending=pending)


def is_cause(field: FieldChange) -> bool:
    """It says by whom a replacement is set off."""
    return field.path == _PATH


def _references(change: Change) -> tuple[Address, ...]:
    """Of a server that could be replaced: what vanished, failed or is unfinished is dealt with as such first."""
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
        yield from waiting.get(Address(address.name, None, address.modules), ())


def _acts(change: Change) -> bool:
    if change.action in {Action.REPLACE, Action.REINSTALL}:
        return True
    return change.action is Action.UPDATE and any(item.path[0] not in _IN_STATE_ONLY for item in change.fields)


def _replaced(change: Change, causes: set[str] | None) -> Change:
    if not causes:
        return change
    kept = tuple(replace(item, reinstalls=False) for item in change.fields)
    cause = FieldChange(_PATH, None, ", ".join(sorted(causes)), forces_replacement=True)
    return replace(change, action=Action.REPLACE, reason=Reason.CANNOT_UPDATE, fields=(*kept, cause))
