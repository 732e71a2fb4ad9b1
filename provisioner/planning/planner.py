"""Plans one change for every address that is desired or recorded.

The changes are in the order of their addresses; dependencies between them are separate values. A vanished server is
drift and never a create. A failed server is never silently bought again. What is in doubt is left for apply.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from provisioner.model import change as variants
from provisioner.model.action import FieldChange, Reason
from provisioner.model.address import Address
from provisioner.model.change import Change, convert_to, evolve
from provisioner.model.diagnostic import Diagnostic
from provisioner.model.kind import Catalogue
from provisioner.model.marker import is_marked
from provisioner.model.plan import Basis, Mode, Plan
from provisioner.model.redaction import Fingerprint, leaves
from provisioner.model.resource import BEING_BOUGHT, Desired, Live, Phase, Recorded
from provisioner.model.shared_orders import find_by_order
from provisioner.planning import comparison, drift, held_twice, unconfirmed, unseen_release
from provisioner.planning.adoption import import_refusals, import_warnings, importable_row, record_import
from provisioner.planning.assumed_fields import assumption_warnings
from provisioner.planning.calls import combine_purchases
from provisioner.planning.charging import with_charging
from provisioner.planning.content_texts import with_texts
from provisioner.planning.deposed_servers import mark_create_first, schedule_deposed_releases
from provisioner.planning.due import with_due
from provisioner.planning.ended_terms import without_duplicates
from provisioner.planning.guards import lookalike_name_warnings
from provisioner.planning.late_purchases import reopen_late_purchases
from provisioner.planning.leftovers import with_leftovers
from provisioner.planning.likely_moves import likely_moves
from provisioner.planning.lost_purchases import unmanaged_server_warnings
from provisioner.planning.missing_state import missing_state_warnings
from provisioner.planning.moves import apply_moves, is_removed, with_origin
from provisioner.planning.plan_input import PlanInput
from provisioner.planning.protection import keep_protected
from provisioner.planning.refresh import refresh
from provisioner.planning.refusals import apply_guards
from provisioner.planning.refused_fields import is_refused_before, refused_field_warnings, row_advice_warnings
from provisioner.planning.reinstall_remarks import reinstall_warnings
from provisioner.planning.rollout import schedule_rollouts
from provisioner.planning.selection import narrow
from provisioner.planning.settled_records import settled_records
from provisioner.planning.statements import record_after_statements
from provisioner.planning.stock import offer_warnings
from provisioner.planning.triggers import add_triggered_replacements, dependencies_on_causes, hold_back_without_cause
from provisioner.planning.unpaid_orders import order_warnings, purchase_warnings

Described = TypeVar("Described", variants.CreateChange, variants.NoOpChange)
_UNFINISHED = BEING_BOUGHT | {Phase.REINSTALLING}


def plan(inputs: PlanInput, *, mode: Mode, basis: Basis, catalogue: Catalogue, fingerprint: Fingerprint) -> Plan:
    """Returns the plan. The same inputs give the same plan, whatever the order of their parts."""
    if mode is Mode.REFRESH:
        refreshed = narrow(replace(refresh(inputs, basis, catalogue), selection=inputs.selection), tuple)
        return replace(refreshed, changes=tuple(evolve(change, desired=None) for change in refreshed.changes))
    after_moves = apply_moves(reopen_late_purchases(inputs, catalogue), mode)
    inputs = keep_protected(after_moves.inputs, mode)
    planner = _Planner(inputs, mode, catalogue, fingerprint)
    changes = tuple(map(planner.change, planner.addresses()))

    def with_triggers_and_origins(changes: Iterable[Change]) -> tuple[Change, ...]:
        whole = mark_create_first(add_triggered_replacements(changes), inputs) if mode is Mode.APPLY else changes
        return tuple(with_origin(after_moves.origins.get(change.address), change) for change in whole)

    whole = with_triggers_and_origins(changes)
    found = (
        *planner.findings,
        *drift.findings(whole, inputs, catalogue, mode),
        *order_warnings(whole, inputs, catalogue),
        *refused_field_warnings(whole, inputs),
        *row_advice_warnings(whole, inputs, catalogue),
        *unmanaged_server_warnings(inputs, catalogue),
        *held_twice.held_twice_warnings(inputs, catalogue),
        *likely_moves(whole, inputs, catalogue),
        *lookalike_name_warnings(whole, inputs, catalogue),
    )
    draft = narrow(Plan(mode, basis, changes, findings=found, selection=inputs.selection), with_triggers_and_origins)
    rollout = schedule_rollouts(draft.changes, inputs, catalogue)
    deposed = schedule_deposed_releases(hold_back_without_cause(rollout.changes), inputs, catalogue)
    annotated = with_charging(with_leftovers(deposed.changes, inputs, catalogue), inputs, catalogue)
    dependencies = (*rollout.dependencies, *deposed.dependencies)
    dependencies += tuple(dependencies_on_causes(annotated, dependencies))
    draft = replace(
        draft, changes=annotated, together=combine_purchases(annotated, catalogue), dependencies=dependencies
    )
    draft = apply_guards(with_due(draft, inputs, catalogue), inputs, catalogue)
    return replace(
        draft,
        findings=(
            *without_duplicates(found, draft),
            *rollout.findings,
            *deposed.findings,
            *reinstall_warnings(draft.changes, catalogue),
            *import_warnings(draft, inputs, catalogue),
            *assumption_warnings(draft.changes),
            *purchase_warnings(draft.changes, catalogue),
            *offer_warnings(draft, inputs.release_facts, catalogue),
            *missing_state_warnings(draft, inputs),
        ),
        refusals=(*after_moves.refusals, *import_refusals(draft, inputs, catalogue), *draft.refusals),
        noun=catalogue.common_noun(change.kind for change in changes),
    )


class _Planner:
    """Decides the change of each address. It holds the inputs that every decision depends on."""

    def __init__(self, inputs: PlanInput, mode: Mode, catalogue: Catalogue, fingerprint: Fingerprint) -> None:
        self._inputs = inputs
        self._mode = mode
        self._catalogue = catalogue
        self._fingerprint = fingerprint
        self.findings: list[Diagnostic] = []
        """Warnings about fields that are reported and not sent."""
        self._desired = {desired.address: desired for desired in inputs.desired}
        self._recorded = settled_records(inputs, catalogue)
        self._by_order = find_by_order(self._recorded.values(), inputs.live.values())
        self._ending_orders = {one.order_id for one in self._recorded.values() if one.phase is Phase.DELETING} - {None}
        self._imports = {one.address: one for one in inputs.refactoring.imports}
        doubted = inputs.state.doubts if inputs.state else {}
        self._in_doubt = {address: intent for address, intent in doubted.items() if address not in self._recorded}

    def addresses(self) -> Iterable[Address]:
        wanted = self._desired.keys() if self._mode is Mode.APPLY else set()
        return sorted(wanted | self._recorded.keys() | self._in_doubt.keys())

    def change(self, address: Address) -> Change:
        desired, recorded = self._desired.get(address), self._recorded.get(address)
        if recorded is not None:
            if desired is None or self._mode is Mode.DESTROY:
                return self._release(recorded, desired)
            return self._compare(desired, recorded)
        if (intent := self._in_doubt.get(address)) is not None:
            let_go = is_removed(address, self._inputs.refactoring.removals)
            return variants.ResolveChange(address, intent.kind, desired=desired, reason=Reason.IN_DOUBT, let_go=let_go)
        assert desired is not None  # every address is desired, recorded or in doubt
        if (entry := self._imports.get(address)) is not None:
            return self._import(desired, importable_row(entry, self._inputs, self._catalogue[desired.kind]))
        return self._with_body(variants.CreateChange(address, desired.kind, desired=desired))

    def _import(self, desired: Desired, row: Live | None) -> Change:
        """Returns the import of a server, or a no-op where the server is not listed: that refuses the plan."""
        change = self._with_body(variants.NoOpChange(desired.address, desired.kind, desired=desired))
        if row is None or change.after is None:  # _with_body sets it
            return change
        kind, after = self._catalogue[desired.kind], change.after
        _, unshown = comparison.with_newly_stated_fields(kind, {}, row, after)
        seen = {
            rule.path
            for rule in kind.rules
            if rule.shown_by_billing and rule.observed_value(row.shown, None, after) is not None
        }
        hidden = tuple(path for path, _ in leaves(after) if path in {*unshown, *change.unverifiable} - seen)
        recorded = record_import(kind, desired, row, comparison.corrected_by_row(kind, after, row, after))
        adoption = convert_to(change, variants.ImportChange, recorded=recorded, unverifiable=hidden, assumed=hidden)
        contradicted = unconfirmed.contradicted_defaults_to_report(adoption, row, self._inputs, kind)
        self.findings += unconfirmed.mismatch_warnings(recorded, kind, (), contradicted)
        return replace(adoption, fields=self._changed_fields(adoption, row))

    def _release(self, recorded: Recorded, desired: Desired | None) -> Change:
        is_gone = self._is_gone(recorded)
        if not is_gone and desired is None and is_removed(recorded.address, self._inputs.refactoring.removals):
            forget = variants.ForgetChange(recorded.address, recorded.kind, recorded=recorded, let_go=True)
            return replace(forget, reason=Reason.REMOVED)
        not_wanted = Reason.DESTROY if self._mode is Mode.DESTROY else Reason.NOT_IN_SPECS
        if recorded.address.deposed and recorded.address.successor in self._desired and self._mode is Mode.APPLY:
            not_wanted = Reason.DEPOSED
        reason = (Reason.UNDER_WAY if self._is_being_released(recorded) else Reason.VANISHED) if is_gone else not_wanted
        variant = variants.ForgetChange if is_gone else variants.DeleteChange
        return variant(recorded.address, recorded.kind, desired=desired, recorded=recorded, reason=reason)

    def _is_being_released(self, recorded: Recorded) -> bool:
        """Whether the server is being released by a release of its own, or by that of another server of its order."""
        order = recorded.order_id
        return recorded.phase is Phase.DELETING or (order is not None and order in self._ending_orders)

    def _compare(self, desired: Desired, recorded: Recorded) -> Change:
        live = self._live_row(recorded)
        known = variants.NoOpChange(recorded.address, recorded.kind, desired=desired, recorded=recorded)
        change = self._with_body(known)
        assert change.after is not None  # _with_body sets it
        kind = self._catalogue[change.kind]
        unseen = unconfirmed.unseen_after_lost_answer(change, live, kind)
        if (special := self._special_case(change, recorded, live)) is not None:
            return evolve(special, held=unseen)
        found = comparison.compare(kind, recorded, live, change.after)
        change = replace(
            change, assumed=found.assumed, noted=record_after_statements(kind, recorded, desired, change.after, found)
        )
        change = unconfirmed.without_confirmed(change, live, kind)
        shown = self._fields(change, live, found)
        billed = unconfirmed.contradicted_by_billing(shown, live, kind)
        held = unconfirmed.fields_to_hold(shown, recorded, live, self._inputs, kind)
        contradicted = unconfirmed.contradicted_defaults_to_report(change, live, self._inputs, kind)
        removed = self._removed_from_specs(change, shown)
        refused = tuple(item for item in shown if is_refused_before(item, change, self._inputs))
        fields = tuple(item for item in shown if item not in (*held, *billed, *removed, *refused))
        reinstalled = unconfirmed.reinstalled_fields(change, live, self._inputs, kind)
        reinstalled = () if any(item.reinstalls or item.forces_replacement for item in fields) else reinstalled
        if any(item.forces_replacement for item in fields):
            fields = comparison.without_reinstallations(shown)
            return convert_to(change, variants.ReplaceChange, reason=Reason.CANNOT_UPDATE, fields=fields)
        if reinstalled or any(item.reinstalls for item in fields):
            still_held = tuple(item for item in held if item.forces_replacement)
            self.findings += unconfirmed.mismatch_warnings(recorded, kind, still_held, contradicted, billed=billed)
            return self._reinstallation(
                replace(change, held=unconfirmed.paths_of(still_held)), reinstalled, fields, removed
            )
        self.findings += unconfirmed.mismatch_warnings(recorded, kind, held, contradicted, unseen, billed)
        change = replace(change, held=(*unconfirmed.paths_of(held), *unseen))
        if recorded.pending and not fields:
            return convert_to(change, variants.ResumeChange, reason=Reason.UNDER_WAY)
        return convert_to(change, variants.UpdateChange, fields=fields) if fields else change

    def _reinstallation(self, change: variants.NoOpChange, *parts: Iterable[FieldChange]) -> Change:
        """Returns the reinstallation. Fields that were removed from the specs are gone with the old system."""
        reinstalled, fields, removed = map(tuple, parts)
        whole = (*reinstalled, *fields, *(item for item in removed if item.reinstalls))
        ordered = whole if reinstalled else tuple(sorted(whole, key=lambda item: item.path))
        reason = Reason.REQUESTED if change.address in self._inputs.reinstall else change.reason
        return convert_to(change, variants.ReinstallChange, reason=reason, fields=ordered)

    def _removed_from_specs(self, change: Change, items: Iterable[FieldChange]) -> tuple[FieldChange, ...]:
        """Returns the changes that only remove fields from the specs and are not made for that: such a field stays
        until another system or machine comes. Where a person named the address for a reinstallation, it is made without
        the field.
        """
        kind, is_named = self._catalogue[change.kind], change.address in self._inputs.reinstall
        return tuple(
            item
            for item in items
            if comparison.is_removed_from_specs(kind, item) and not (is_named and item.reinstalls)
        )

    def _special_case(self, change: variants.NoOpChange, recorded: Recorded, live: Live | None) -> Change | None:
        """Returns the change that is decided before any field is compared; None for a server that is simply there."""
        is_named, is_gone = change.address in self._inputs.replace, self._is_gone(recorded)
        if recorded.phase is Phase.DELETING:
            fields, kind = self._changed_fields(change, live), self._catalogue[recorded.kind]
            return unseen_release.continue_release(change, fields, live, kind, is_named=is_named)
        if is_named:
            fields = comparison.without_reinstallations(self._changed_fields(change, live))
            return convert_to(change, variants.ReplaceChange, reason=Reason.REQUESTED, fields=fields, vanished=is_gone)
        if is_gone:
            return replace(change, reason=Reason.VANISHED)
        if live is not None and live.status in self._catalogue[recorded.kind].statuses.releasing:
            return replace(change, reason=Reason.LEAVING)
        if recorded.phase in _UNFINISHED or self._has_recovered(recorded, live):
            return convert_to(change, variants.ResumeChange, reason=Reason.UNDER_WAY)
        return change if recorded.phase is Phase.FAILED else None

    def _live_row(self, recorded: Recorded) -> Live | None:
        """Returns the row of the record: by its id, or by its order while no row was seen, because the id that a
        purchase answers need not be the server's.
        """
        return self._inputs.live.get(recorded.id or "") or self._by_order.get(recorded.address)

    def _is_gone(self, recorded: Recorded) -> bool:
        """Whether the server has vanished. One that was never seen cannot have, because it may still appear."""
        return recorded.id is not None and bool(recorded.observed) and self._live_row(recorded) is None

    def _has_recovered(self, recorded: Recorded, live: Live | None) -> bool:
        unwell = self._catalogue[recorded.kind].statuses.unhealthy
        return recorded.phase is Phase.FAILED and live is not None and live.status not in unwell

    def _with_body(self, change: Described) -> Described:
        assert change.desired is not None  # the body is that of the desired resource
        kind = self._catalogue[change.kind]
        after = kind.redact(change.desired.fields, self._fingerprint)
        if change.recorded is not None:
            after = comparison.with_known_fingerprints(kind, after, change.recorded.declared)
        described = replace(change, after=after, computed=kind.computed)
        return replace(described, sensitive=kind.sensitive(), unverifiable=kind.unverifiable(after))

    def _changed_fields(self, change: Change, live: Live | None) -> tuple[FieldChange, ...]:
        recorded, after = change.recorded, change.after
        assert recorded is not None and after is not None  # noqa: PT018 - one fact: both exist
        return self._fields(change, live, comparison.compare(self._catalogue[change.kind], recorded, live, after))

    def _fields(self, change: Change, live: Live | None, found: comparison.Comparison) -> tuple[FieldChange, ...]:
        desired, recorded, after = change.desired, change.recorded, change.after
        assert desired is not None and recorded is not None and after is not None  # noqa: PT018 - one fact: both exist
        kind = self._catalogue[change.kind]
        fields = comparison.field_changes(kind, desired, after, found, has_marker=self._has_marker(live))
        shown = with_texts(fields, kind, desired, recorded, self._inputs.hide)
        return (*shown, *comparison.state_only_changes(desired, recorded))

    def _has_marker(self, live: Live | None) -> bool:
        """Whether the name still has our marker. Removing the marker ends the purchase, so `ignore_changes` does not
        apply.
        """
        state = self._inputs.state
        return live is not None and state is not None and is_marked(live.name, lineage=state.lineage)
