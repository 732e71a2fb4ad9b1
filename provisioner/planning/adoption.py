"""Servers that exist, taken over: what would be recorded of them, and what forbids it.

What the cloud shows is recorded as it shows it, and what it hides as the specs say: so nothing that is hidden is ever a
difference. A shown difference that an update in place cannot mend refuses the plan: adopting never leads to a replacement.
"""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.model.action import Action
from provisioner.model.canonical import JsonObject
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, error, warning
from provisioner.model.doubt import may_have_bought, settle_hint_unread
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
    """`declared` is what is wanted, corrected by what the row shows."""
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


def skipped_import_warnings(plan: Plan, inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """An import of an address that holds a server already does nothing; worth a word where its server is nobody's."""
    if not inputs.refactoring.imports or plan.mode is not Mode.APPLY:
        return
    owners = {change.recorded.id: change for change in plan.changes if change.recorded is not None}
    holders = {change.address: change.recorded for change in plan.changes if change.action is not Action.ADOPT}
    for one in inputs.refactoring.imports:
        holder = holders.get(one.address)
        if holder is not None and holder.id != one.id and one.id in inputs.live and one.id not in owners:
            yield warning(
                "import-passed-over",
                f"{one.address} holds {holder.id or holder.order_id} already, so that {catalogue[holder.kind].noun} {one.id} is not taken over",
                hint="take the entry out of imports, or name another address",
                source=one.source,
                address=one.address,
            )


def import_refusals(plan: Plan, inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    changes = {change.address: change for change in plan.changes}
    for one in inputs.refactoring.imports if plan.mode is Mode.APPLY else ():
        change = changes.get(one.address)
        if change is None or not plan.selects(change):
            continue
        if change.recorded is not None and change.action is not Action.ADOPT:
            continue
        kind = catalogue[change.kind]
        if (problem := _check_import(one, change, inputs, kind)) is not None:
            yield problem
        else:
            yield from _immutable_differences(one, change, kind)


def _check_import(one: Import, change: Change, inputs: PlanInput, kind: Kind) -> Diagnostic | None:
    state = inputs.state
    if state is not None and (problem := _check_open_calls(one, state)) is not None:
        return problem
    row, noun = inputs.live_of(kind.name, one.id), kind.noun
    if row is None:
        hint = f"check the id in the console, and the credentials: provisioner credentials; {_NOTHING_CHANGED}"
        return _refusal(one, "unknown-server", f"the cloud lists no {noun} {one.id}", hint)
    owned = _owner(state, row)
    if owned is not None:
        hint = f"one {noun}, one address; to give it another: provisioner state mv {owned.address.shell_quoted} {one.address.shell_quoted}"
        return _refusal(one, "server-owned", f"{noun} {one.id} is that of {owned.address}", hint)
    if (claim := inputs.claims.get(one.id)) is not None:
        hint = "let it go there first: provisioner state rm, or provisioner resolve where it is in doubt"
        return _refusal(one, "server-owned", f"{noun} {one.id} {claim}", hint)
    for intent in state.purchases_in_doubt if state else ():
        if may_have_bought(intent, row, kind):
            hint = f"provisioner resolve {intent.address.shell_quoted} --adopt {one.id}, or --absent"
            summary = f"{noun} {one.id} may be the purchase in doubt of {intent.address}"
            return _refusal(one, "import-in-doubt", summary, hint)
    if row.status in kind.statuses.releasing:
        return _refusal(one, "import-leaving", f"{noun} {one.id} is being released ({row.status})", _NOTHING_CHANGED)
    if change.recorded is None or change.recorded.phase is Phase.CREATING:
        hint = "import it when it runs"
        return _refusal(one, "import-unfinished", f"{noun} {one.id} is not built yet ({row.status})", hint)
    return None


def _check_open_calls(one: Import, state: State) -> Diagnostic | None:
    """A server may not be taken over while it is not known whether it was released, or what else the address holds."""
    if one.address in state.doubts:
        hint = f"provisioner resolve {one.address.shell_quoted} --adopt ID, where it became that one; with --allow other-name where it bears another name"
        return _refusal(one, "import-in-doubt", f"the outcome of a purchase for {one.address} is not known", hint)
    for intent in state.unsettled:
        if one.id == intent.target_id or one.address in intent.addresses:
            summary = f"the outcome of a {intent.effect.noun} for {intent.address} is not known"
            hint = f"without it, {settle_hint_unread(intent)}; {_NOTHING_CHANGED}"
            return _refusal(one, "import-unsettled", summary, hint)
    return None


def _owner(state: State | None, row: Live) -> Recorded | None:
    """Who recorded its id, or the order that it came from while nobody had seen it."""
    for recorded in state.resources.values() if state else ():
        unseen = recorded.order_id is not None and recorded.order_id == row.order_id and not recorded.observed
        if recorded.id == row.id or unseen:
            return recorded
    return None


def _immutable_differences(one: Import, change: Change, kind: Kind) -> Iterator[Diagnostic]:
    for item in change.fields:
        if kind.rule(item.path).on_change is OnChange.IN_PLACE or value_at(change.after or {}, item.path) is None:
            continue
        path = ".".join(item.path)
        yield error(
            "import-differs",
            f"{kind.noun} {one.id} has {path} {_quote(item.before)}, and {one.address} wants {_quote(item.after)}",
            detail=f"changing it would wipe the {kind.noun}, or release it and buy another; taking one over never does that",
            hint=f"write {path}: {_quote(item.before)} into the specs, or name it in lifecycle.ignore_changes",
            source=one.source or (change.desired.source if change.desired else None),
            address=one.address,
        )


def _quote(value: object) -> str:
    return repr(value) if isinstance(value, str) else str(value)


def _refusal(one: Import, code: str, summary: str, hint: str) -> Diagnostic:
    return error(
        code, f"{one.address} cannot be taken over: {summary}", hint=hint, source=one.source, address=one.address
    )
