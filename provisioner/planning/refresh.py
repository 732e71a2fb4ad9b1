"""Plans a refresh: records the differences between the records and the cloud, and sends nothing.

Fields that the specs ignore are accepted as they are. A server that is gone stays recorded as gone: if it were
forgotten, the next apply might buy it, and nobody would have asked for that (docs/decisions/0014).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from provisioner.model.action import FieldChange, Reason
from provisioner.model.canonical import JsonObject
from provisioner.model.change import Change, NoOpChange, RecordChange, convert_to
from provisioner.model.field_rule import OnChange
from provisioner.model.flow import Effect
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.marker import is_marked
from provisioner.model.plan import Basis, Mode, Plan
from provisioner.model.redaction import value_at, with_value
from provisioner.model.resource import Desired, FieldPath, Live, Phase, Recorded
from provisioner.model.state import State
from provisioner.planning import drift
from provisioner.planning.charging_mismatch import charging_mismatch_warnings
from provisioner.planning.comparison import contradicted_defaults
from provisioner.planning.difference import differences
from provisioner.planning.held_twice import held_twice_warnings
from provisioner.planning.late_purchases import reopen_late_purchases
from provisioner.planning.lost_purchases import unmanaged_server_warnings
from provisioner.planning.missing_state import missing_state_warnings, no_state
from provisioner.planning.plan_input import PlanInput
from provisioner.planning.refusals import apply_guards

_COSTLY = frozenset({OnChange.REINSTALL, OnChange.REPLACE})
"""Changes that cost a disk or a machine. If such a difference were recorded as declared, unchanged specs would look
like a change, and the next apply would wipe the disk or buy another machine (docs/decisions/0017). It stays drift until
the specs say what is shown, or a person names the address.
"""
_STATUS: FieldPath = ("status",)


def refresh(inputs: PlanInput, basis: Basis, catalogue: Catalogue) -> Plan:
    """Returns a plan with one change for every address that is recorded or in doubt. Addresses that are as recorded, or
    under way, are no-ops.

    The desired resources are used for their labels, by which addresses may be selected, and are no part of such a plan.
    """
    inputs = reopen_late_purchases(inputs, catalogue)
    state = inputs.state
    changes = () if state is None else tuple(_changes(state, inputs, catalogue))
    found = (
        *drift.findings(changes, inputs, catalogue, Mode.REFRESH),
        *charging_mismatch_warnings(changes, inputs, catalogue),
        *unmanaged_server_warnings(inputs, catalogue),
        *held_twice_warnings(inputs, catalogue),
    )
    plan = Plan(Mode.REFRESH, basis, changes)
    found = (*found, *missing_state_warnings(plan, inputs))
    noun = catalogue.common_noun(change.kind for change in changes)
    return apply_guards(replace(plan, findings=found, noun=noun), inputs, catalogue, (no_state,))


def _changes(state: State, inputs: PlanInput, catalogue: Catalogue) -> Iterator[Change]:
    wanted = {desired.address: desired for desired in inputs.desired}
    purchases_last = (*state.unsettled, *state.purchases_in_doubt)
    doubts = {address: intent for intent in purchases_last for address in intent.addresses}
    for address in sorted(state.resources.keys() | doubts.keys()):
        recorded = state.resources.get(address)
        if (intent := doubts.get(address)) is not None:
            reason = Reason.IN_DOUBT if intent.effect is Effect.PURCHASE else Reason.UNDER_WAY
            yield NoOpChange(address, intent.kind, recorded=recorded, reason=reason)
        elif recorded is not None:
            yield _compare_record(
                recorded, wanted.get(address.successor), inputs, catalogue[recorded.kind], lineage=state.lineage
            )


def _compare_record(
    recorded: Recorded, desired: Desired | None, inputs: PlanInput, kind: Kind, *, lineage: str
) -> Change:
    change = NoOpChange(recorded.address, recorded.kind, desired=desired, recorded=recorded, sensitive=kind.sensitive())
    row = inputs.live.get(recorded.id or "")
    if recorded.id is not None and recorded.observed and row is None:
        return _vanished_change(change, recorded, kind)
    if row is None or recorded.pending or recorded.phase not in {Phase.READY, Phase.FAILED}:
        return replace(change, reason=Reason.UNDER_WAY)
    if row.status in kind.statuses.releasing:
        change = replace(change, reason=Reason.LEAVING)
    ignored = desired.lifecycle.ignore_changes if desired else ()
    specs: JsonObject = kind.redact(desired.fields, lambda _secret: None) if desired else {}
    fields = tuple(
        item
        for item in _field_changes(kind, recorded, row, specs, inputs, lineage=lineage)
        if not _is_ignored(item.path, ignored, row, kind) and not _is_as_specs_mean(kind, item, specs, inputs)
    )
    if not fields:
        return change
    declared = recorded.declared
    for item in fields:
        if value_at(declared, item.path) is not None and kind.rule(item.path).on_change not in _COSTLY:
            declared = with_value(declared, item.path, item.after)
    observed: JsonObject = {**recorded.observed, **row.observed}
    return convert_to(change, RecordChange, fields=fields, after=declared, observed=observed)


def _is_ignored(path: FieldPath, ignored: Iterable[FieldPath], row: Live, kind: Kind) -> bool:
    """Whether the specs ignore this field. Where they ignore a field that the status reflects, because others start and
    stop the server, a status that results from that field is ignored too, and no other.
    """
    shows = kind.statuses.shows
    is_status_of_ignored = (
        path == _STATUS and bool(shows) and shows in ignored and value_at(row.shown, shows) is not None
    )
    return is_status_of_ignored or any(path[: len(head)] == head for head in ignored)


def _is_as_specs_mean(kind: Kind, item: FieldChange, specs: JsonObject, inputs: PlanInput) -> bool:
    """Whether the specs mean what the cloud shows, by saying it or by leaving the field out. That ends the drift,
    because such a field is recorded only with another purchase or installation.
    """
    rule, wanted = kind.rule(item.path), value_at(specs, item.path)
    meant = kind.default(rule, inputs.policy) if wanted is None else wanted
    return bool(specs) and rule.on_change in _COSTLY and item.after is not None and meant == item.after


def _vanished_change(change: NoOpChange, recorded: Recorded, kind: Kind) -> Change:
    """Returns the change of a server that is gone. A release of ours that has ended is under way: the next apply
    finishes what it was part of.
    """
    change = replace(change, reason=Reason.UNDER_WAY if recorded.phase is Phase.DELETING else Reason.VANISHED)
    before = value_at(recorded.observed, _STATUS)
    if before == kind.statuses.gone:
        return change
    field = FieldChange(_STATUS, before, kind.statuses.gone, drift=True)
    observed: JsonObject = {**recorded.observed, "status": kind.statuses.gone}
    return convert_to(change, RecordChange, fields=(field,), after=recorded.declared, observed=observed)


def _field_changes(
    kind: Kind, recorded: Recorded, row: Live, specs: JsonObject, inputs: PlanInput, *, lineage: str
) -> Iterator[FieldChange]:
    """Yields the fields that the cloud shows otherwise: declared and assumed fields first, then facts that no spec
    declares.

    A field that the cloud leaves out counts as unchanged. A status that only repeats a reported field (power) is not
    reported again.
    """
    reported: set[FieldPath] = set()
    for rule in kind.rules:
        assumed = value_at(recorded.assumed, rule.path)
        was = value_at(recorded.declared, rule.path) if assumed is None else assumed
        now = rule.observed_value(row.shown, was, recorded.declared)
        known = was is not None and now is not None and now != value_at(recorded.baseline, rule.path)
        if known and was != now and not (rule.path == ("name",) and is_marked(row.name, lineage=lineage)):
            reported.add(rule.path)
            yield FieldChange(rule.path, was, now, drift=True)
    for item in contradicted_defaults(kind, recorded.declared, row, specs, inputs.policy):
        if item.path not in reported and value_at(recorded.declared, item.path) in (None, item.after):
            reported.add(item.path)
            yield FieldChange(item.path, item.after, item.before, drift=True)
    reported |= {_STATUS} if kind.statuses.shows in reported and row.status not in kind.statuses.adverse else set()
    for found in differences(kind.facts.read(recorded.observed), kind.facts.read(row.observed)):
        is_news = found.after is not None and (found.before is not None or found.after != [])
        if is_news and found.path not in reported and value_at(recorded.declared, found.path) is None:
            yield FieldChange(found.path, found.before, found.after, drift=True)
