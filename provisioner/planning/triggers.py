"""`lifecycle.replace_triggered_by`: a server that is replaced because another one changes, and how that outlives a death.

The change that sets it off may be done, and be no change any more, when the process dies before the replacement. So what is set
off is noted in the records before any work begins, and planned from there. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from provisioner.model.address import Address
from provisioner.model.change import Action, Change, FieldChange, Plan, Reason
from provisioner.model.journal import Remembered
from provisioner.model.resource import FieldPath, Phase
from provisioner.model.turn import Turn

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


def after_causes(changes: Sequence[Change], turns: Iterable[Turn]) -> Iterator[Turn]:
    """What is set off is begun when what sets it off is done: else a cause that fails would replace it now, and once more when it
    is mended. Where others want it the other way round already, they win.
    """
    acting: dict[Address, list[Address]] = {}
    for change in filter(_acts, changes):
        for reference in {change.address, change.address.group}:
            acting.setdefault(reference, []).append(change.address)
    awaited: dict[Address, list[tuple[Address, ...]]] = {}
    for turn in turns:
        for address in turn.addresses:
            awaited.setdefault(address, []).append(turn.after)
    dependents: dict[tuple[Address, ...], list[Address]] = {}
    for change in changes:
        if change.action is not Action.REPLACE or change.desired is None or not any(map(is_cause, change.fields)):
            continue  # what is left out or held back is only noted
        causes = tuple(one for named in change.desired.lifecycle.replace_triggered_by for one in acting.get(named, ()))
        if causes and not _lead_to(change.address, causes, awaited):
            awaited.setdefault(change.address, []).append(causes)
            dependents.setdefault(causes, []).append(change.address)
    for causes, addresses in dependents.items():
        yield Turn(tuple(addresses), causes, "what is set off")


def _lead_to(goal: Address, start: Iterable[Address], awaited: Mapping[Address, list[tuple[Address, ...]]]) -> bool:
    """Whether one of `start` waits for `goal`, by whatever detours."""
    to_ask, asked = [*start], set[Address]()
    while to_ask:
        address = to_ask.pop()
        if address == goal:
            return True
        if address not in asked:
            asked.add(address)
            to_ask += (one for after in awaited.get(address, ()) for one in after)
    return False


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
        yield from waiting.get(address.group, ())


def _acts(change: Change) -> bool:
    """What only mends a row that shows it otherwise sets nothing off: no row alone releases a server (docs/decisions/0017)."""
    if change.action in {Action.REPLACE, Action.REINSTALL}:
        return True
    changed = (item for item in change.fields if item.path[0] not in _IN_STATE_ONLY and not item.drift)
    return change.action is Action.UPDATE and any(changed)


def _replaced(change: Change, causes: set[str] | None) -> Change:
    if not causes:
        return change
    kept = tuple(replace(item, reinstalls=False) for item in change.fields)
    cause = FieldChange(_PATH, None, ", ".join(sorted(causes)), forces_replacement=True)
    return replace(change, action=Action.REPLACE, reason=Reason.CANNOT_UPDATE, fields=(*kept, cause))
