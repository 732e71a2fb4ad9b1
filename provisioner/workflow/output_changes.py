"""Finds how a plan changes the outputs that the specs declare.

Outputs are not recorded: they are evaluated against the state as it is, and against the state as it will be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from provisioner.loading import Loaded, Outputs
from provisioner.model import change as variants
from provisioner.model.address import Address
from provisioner.model.canonical import JsonObject
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, SpecError, UsageError, warning
from provisioner.model.kind import Catalogue
from provisioner.model.output import OutputChange, OutputValue
from provisioner.model.plan import Mode, Plan
from provisioner.model.resource import Phase, Recorded
from provisioner.model.state import State

_BUYING = (variants.CreateChange, variants.ReplaceChange, variants.ResumeChange, variants.ResolveChange)


@dataclass(slots=True)
class _OutputFacts:
    """The facts of every declared address; None for a resource that is not there. `unknown`: those among them that are
    known only after the apply.
    """

    known: dict[Address, JsonObject | None] = field(default_factory=dict)
    unknown: dict[Address, frozenset[str]] = field(default_factory=dict)


def with_output_changes(
    plan: Plan, loaded: Loaded, state: State | None, catalogue: Catalogue
) -> tuple[Plan, tuple[Diagnostic, ...]]:
    """Returns the plan with the changes of the outputs, and a warning where these cannot be worked out."""
    outputs = loaded.outputs
    if not outputs.names or not plan.work:
        return plan, ()
    try:
        before, after = _facts(plan, loaded, state, catalogue)
        old = _values_now(outputs, before) if state is not None else {}
        changes = tuple(_changes(plan, outputs, old, after))
    except (SpecError, UsageError) as failure:
        if plan.mode is not Mode.APPLY:  # the specs of a destroy are read without what a release does not need
            return plan, ()
        note = warning(
            "outputs-unknown",
            "how the outputs will change cannot be worked out",
            detail="\n".join(finding.summary for finding in failure.diagnostics),
            hint="the plan does not depend on it; mend it before the apply, which ends with the outputs",
        )
        return plan, (note,)
    return replace(plan, output_changes=changes), ()


def _changes(
    plan: Plan, outputs: Outputs, old: Mapping[str, OutputValue], after: _OutputFacts
) -> Iterator[OutputChange]:
    pending = {change.address.name for change in plan.work if isinstance(change, _BUYING)}
    for now in outputs.values(after.known, outputs.names, unknown=after.unknown):
        was = old.get(now.name)
        was_known = was is not None and was.known
        if not was_known and not now.known and not outputs.refers_to(now.name, pending):
            continue
        if was is not None and was_known and now.known and was.value == now.value:
            continue
        is_dropped = plan.mode is Mode.DESTROY and not now.known
        shown = not now.sensitive
        if is_dropped and not was_known:
            continue
        yield OutputChange(
            now.name,
            was.value if was is not None and shown else None,
            now.value if shown else None,
            was_known=was_known,
            is_known=now.known,
            is_dropped=is_dropped,
            sensitive=now.sensitive,
        )


def _values_now(outputs: Outputs, facts: _OutputFacts) -> Mapping[str, OutputValue]:
    """Returns the values by name. An output may use what only the apply brings, such as a new label: it has none yet."""
    try:
        return {value.name: value for value in outputs.values(facts.known, outputs.names)}
    except (SpecError, UsageError):
        found: dict[str, OutputValue] = {}
        for name in outputs.names:
            try:
                (found[name],) = outputs.values(facts.known, (name,))
            except (SpecError, UsageError):
                continue
        return found


def _facts(plan: Plan, loaded: Loaded, state: State | None, catalogue: Catalogue) -> tuple[_OutputFacts, _OutputFacts]:
    """Returns the facts before and after the apply."""
    before, after = _OutputFacts(), _OutputFacts()
    changes = {change.address: change for change in plan.changes}
    resources = state.resources if state else {}
    for desired in loaded.desired:
        address, change = desired.address, changes.get(desired.address)
        origin = address if change is None or change.moved_from is None else change.moved_from
        recorded = resources.get(origin)
        before.known[address] = after.known[address] = _ready_facts(recorded, catalogue)
        if change is not None:
            _set_after(after, change, catalogue)
    return before, after


def _ready_facts(recorded: Recorded | None, catalogue: Catalogue) -> JsonObject | None:
    if recorded is None or recorded.phase is not Phase.READY:
        return None
    return catalogue[recorded.kind].facts.collect(recorded)


def _set_after(after: _OutputFacts, change: Change, catalogue: Catalogue) -> None:
    """Sets the facts of one address as they will be once the change is made."""
    facts, address, desired = catalogue[change.kind].facts, change.address, change.desired
    match change:
        case variants.DeleteChange() | variants.ForgetChange() | variants.CancelChange():
            after.known[address] = None
        case variants.RecordChange(recorded=recorded, observed=observed):
            after.known[address] = _ready_facts(replace(recorded, observed=observed), catalogue)
        case variants.UpdateChange() | variants.ReinstallChange() | variants.ImportChange():
            changed = {item.path[0] for item in change.fields}
            known = facts.collect(change.noted or change.recorded)
            if "name" in changed:
                known["name"] = change.desired.name
            if "labels" in changed or isinstance(change, variants.ImportChange):
                known["labels"] = dict(change.desired.labels)
            after.known[address] = known
            if unknown := facts.unknown_after(changed):
                after.unknown[address] = unknown
        case _ if isinstance(change, _BUYING) and desired is not None:
            after.known[address] = {"name": desired.name, "labels": dict(desired.labels)}
            after.unknown[address] = frozenset(facts.fields) - {"name", "labels"}
        case _:
            pass  # it stays as it is recorded
