"""Imports existing servers: what the record of one contains, and what forbids an import.

A field that the cloud shows is recorded as shown, and a field that it hides as the specs declare it, so a hidden field
never differs. A shown difference that no update in place can remove refuses the plan: an import never leads to a
replacement.
"""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.model.action import Action
from provisioner.model.canonical import JsonObject
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, error, warning
from provisioner.model.doubt import may_have_bought, settle_hint_without_cloud
from provisioner.model.field_rule import OnChange
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.plan import Mode, Plan
from provisioner.model.redaction import value_at
from provisioner.model.refactoring import Import
from provisioner.model.resource import Desired, Live, Phase, Recorded
from provisioner.model.state import State
from provisioner.planning.plan_input import PlanInput
from provisioner.planning.progress import phase_reached

_NOTHING_CHANGED = "nothing was changed"


def record_import(kind: Kind, desired: Desired, row: Live, declared: JsonObject) -> Recorded:
    """Returns the record of an imported server. `declared` is the desired body, corrected by what `row` shows."""
    return Recorded(
        address=desired.address,
        kind=kind.name,
        phase=phase_reached(kind, desired, row),
        declared=declared,
        id=row.id,
        order_id=row.order_id,
        labels=desired.labels,
        observed=row.observed,
        protected=bool(desired.lifecycle.prevent_destroy),
    )


def importable_row(entry: Import, inputs: PlanInput, kind: Kind) -> Live | None:
    """Returns the row of the server to import; None where none is listed, or where the import is of the past."""
    row = inputs.live_of(kind.name, entry.id)
    return None if row is not None and _is_past(entry, row, inputs, kind) else row


def _is_past(entry: Import, row: Live | None, inputs: PlanInput, kind: Kind) -> bool:
    """Whether this state has carried the import out and let the server go since, which is not there any more. What stands
    in the specs is then a leftover; a person who names the server by a command means it.
    """
    is_gone = row is None or row.status in kind.statuses.releasing
    return is_gone and entry.source is not None and entry.id in inputs.former


def import_warnings(plan: Plan, inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Warns about imports that do nothing: those of addresses that hold another server already, where no address holds
    the named one, and those of servers that this state has held and let go.
    """
    if not inputs.refactoring.imports or plan.mode is not Mode.APPLY:
        return
    changes = {change.address: change for change in plan.changes if change.recorded is None and plan.selects(change)}
    for entry in inputs.refactoring.imports:
        kind = catalogue[changes[entry.address].kind] if entry.address in changes else None
        if kind is not None and _is_past(entry, inputs.live_of(kind.name, entry.id), inputs, kind):
            yield _past_import_warning(entry, kind, inputs)
    owners = {change.recorded.id: change for change in plan.changes if change.recorded is not None}
    holders = {change.address: change.recorded for change in plan.changes if change.action is not Action.ADOPT}
    for entry in inputs.refactoring.imports:
        holder = holders.get(entry.address)
        if holder is not None and holder.id != entry.id and entry.id in inputs.live and entry.id not in owners:
            yield warning(
                "import-passed-over",
                f"{entry.address} holds {holder.id or holder.order_id} already, so {catalogue[holder.kind].noun} {entry.id} is not taken over",
                hint="remove the entry from imports, or name another address",
                source=entry.source,
                address=entry.address,
            )


def _past_import_warning(entry: Import, kind: Kind, inputs: PlanInput) -> Diagnostic:
    return warning(
        "import-done",
        f"{entry.address} has no {kind.noun}: the one that imports names for it, {entry.id}, {inputs.former[entry.id]}",
        detail="while the entry is there, nothing is bought in its place, because the entry says that the address is this one and no other",
        hint=f"remove the entry from imports; the next apply then buys a new {kind.noun} for {entry.address}, unless the specs no longer "
        "declare it",
        source=entry.source,
        address=entry.address,
    )


def import_refusals(plan: Plan, inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    changes = {change.address: change for change in plan.changes}
    for entry in inputs.refactoring.imports if plan.mode is Mode.APPLY else ():
        change = changes.get(entry.address)
        if change is None or not plan.selects(change):
            continue
        if change.recorded is not None and change.action is not Action.ADOPT:
            continue
        kind = catalogue[change.kind]
        if (problem := _check_import(entry, change, inputs, kind)) is not None:
            yield problem
        else:
            yield from _immutable_differences(entry, change, kind)


def _check_import(entry: Import, change: Change, inputs: PlanInput, kind: Kind) -> Diagnostic | None:
    state = inputs.state
    row, noun = inputs.live_of(kind.name, entry.id), kind.noun
    problem = None if state is None else _check_open_calls(entry, state)
    if problem is not None or _is_past(entry, row, inputs, kind):
        return problem
    if row is None:
        hint = f"check the id in the console, and whose credentials these are: `provisioner credentials`; {_NOTHING_CHANGED}"
        return _refusal(entry, "unknown-server", f"the cloud lists no {noun} {entry.id}", hint)
    owned = _owner(state, row)
    if owned is not None:
        hint = f"a {noun} has one address; to move it to the new one: `provisioner state mv {owned.address.shell_quoted} {entry.address.shell_quoted}`"
        return _refusal(entry, "server-owned", f"{noun} {entry.id} belongs to {owned.address}", hint)
    if (claim := inputs.claims.get(entry.id)) is not None:
        hint = (
            "forget it there first, with `state rm` or `removed:`, or settle it there with `resolve` if it is in doubt"
        )
        return _refusal(entry, "server-owned", f"{noun} {entry.id} {claim}", hint)
    for intent in state.purchases_in_doubt if state else ():
        if may_have_bought(intent, row, kind):
            hint = f"`provisioner resolve {intent.address.shell_quoted} --adopt {entry.id}`, or `provisioner resolve {intent.address.shell_quoted} --absent`"
            summary = f"{noun} {entry.id} may be the purchase in doubt of {intent.address}"
            return _refusal(entry, "import-in-doubt", summary, hint)
    if row.status in kind.statuses.releasing:
        return _refusal(
            entry, "import-leaving", f"{noun} {entry.id} is being released ({row.status})", _NOTHING_CHANGED
        )
    if change.recorded is None or change.recorded.phase is Phase.CREATING:
        hint = "import it when it runs"
        return _refusal(entry, "import-unfinished", f"{noun} {entry.id} is not built yet ({row.status})", hint)
    return None


def _check_open_calls(entry: Import, state: State) -> Diagnostic | None:
    """Refuses the import while it is unknown whether the server was released, or what else the address holds."""
    if entry.address in state.doubts:
        hint = f"if the purchase became that one: `provisioner resolve {entry.address.shell_quoted} --adopt {entry.id}`; add --allow other-name if its name differs"
        return _refusal(entry, "import-in-doubt", f"the outcome of a purchase for {entry.address} is not known", hint)
    for intent in state.unsettled:
        if entry.id == intent.target_id or entry.address in intent.addresses:
            summary = f"the outcome of a {intent.effect.noun} for {intent.address} is not known"
            hint = f"without it, {settle_hint_without_cloud(intent)}; {_NOTHING_CHANGED}"
            return _refusal(entry, "import-unsettled", summary, hint)
    return None


def _owner(state: State | None, row: Live) -> Recorded | None:
    """Returns the record with this id, or with its order where no row of that record was ever seen."""
    for recorded in state.resources.values() if state else ():
        unseen = recorded.order_id is not None and recorded.order_id == row.order_id and not recorded.observed
        if recorded.id == row.id or unseen:
            return recorded
    return None


def _immutable_differences(entry: Import, change: Change, kind: Kind) -> Iterator[Diagnostic]:
    for item in change.fields:
        if kind.rule(item.path).on_change is OnChange.IN_PLACE or value_at(change.after or {}, item.path) is None:
            continue
        path = ".".join(item.path)
        yield error(
            "import-differs",
            f"{kind.noun} {entry.id} has {path} {_quote(item.before)}, and {entry.address} wants {_quote(item.after)}",
            detail=f"changing this field would wipe the {kind.noun}, or release it and buy another; an import never does that",
            hint=f"write {path}: {_quote(item.before)} into the specs, or name it in lifecycle.ignore_changes",
            source=entry.source or (change.desired.source if change.desired else None),
            address=entry.address,
        )


def _quote(value: object) -> str:
    return repr(value) if isinstance(value, str) else str(value)


def _refusal(entry: Import, code: str, summary: str, hint: str) -> Diagnostic:
    return error(
        code, f"{entry.address} cannot be taken over: {summary}", hint=hint, source=entry.source, address=entry.address
    )
