"""Records newly declared fields that are true already: as declared where the row shows them, as assumed where nothing
does.

The new record is part of the plan, so that nothing is recorded that a person could not see. It is written before the
work begins, because it is a fact about what was seen, whatever comes of the work. A row that shows another value later
is drift, and releases and wipes nothing (docs/decisions/0019). Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from provisioner.model.action import Action, Reason
from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.change import Change, evolve
from provisioner.model.field_rule import FieldRule, OnChange
from provisioner.model.journal import Remembered, Stated
from provisioner.model.kind import Kind
from provisioner.model.plan import Plan
from provisioner.model.redaction import value_at, with_value
from provisioner.model.resource import Desired, Recorded
from provisioner.planning.comparison import Comparison, is_ignored

_STAYS = frozenset({Action.NO_OP, Action.MOVE, Action.UPDATE, Action.REINSTALL, Action.RESUME})


def record_after_statements(
    kind: Kind, recorded: Recorded, desired: Desired, after: JsonObject, found: Comparison
) -> Recorded | None:
    """Returns the record as an apply of these specs leaves it, not counting what the apply sends; None where that is
    the record as it is. Ignored fields are left out. A value that equals the meaning of the field's absence needs no
    record.
    """
    if recorded.declared == after and not recorded.assumed:
        return None
    declared, assumed, baseline = recorded.declared, recorded.assumed, recorded.baseline
    for rule in kind.rules:
        path, wanted = rule.path, value_at(after, rule.path)
        if is_ignored(path, desired) or not (rule.survives_removal or _is_newly_stated(rule, recorded, wanted)):
            continue
        if path in found.assumed:
            declared, assumed = with_value(declared, path, None), with_value(assumed, path, wanted)
        elif wanted is None:
            assumed = with_value(assumed, path, None)
        elif value_at(found.current, path) == wanted and _is_news(rule, recorded, wanted):
            declared = with_value(declared, path, wanted)
            assumed, baseline = with_value(assumed, path, None), with_value(baseline, path, None)
    if (declared, assumed, baseline) == (recorded.declared, recorded.assumed, recorded.baseline):
        return None
    return replace(recorded, declared=declared, assumed=assumed, baseline=baseline)


def _is_newly_stated(rule: FieldRule, recorded: Recorded, wanted: JsonValue) -> bool:
    """Whether the specs say something of a field that changes in place and was left to others. A change of what was
    declared before is sent, and recorded by that.
    """
    is_in_place = rule.on_change is OnChange.IN_PLACE
    return is_in_place and wanted is not None and value_at(recorded.declared, rule.path) is None


def _is_news(rule: FieldRule, recorded: Recorded, wanted: JsonValue) -> bool:
    """Whether the record says something else than the specs, or nothing where that means something else."""
    was = value_at(recorded.declared, rule.path)
    if wanted in (was, value_at(recorded.baseline, rule.path)):
        return False
    return was is not None or not rule.is_default(wanted)


def statements(plan: Plan) -> Iterator[Stated | Remembered]:
    """Yields the plan's statements as journal entries. They use the former address of a moved resource, because they
    are written before the move. A `Remembered` entry holds what was only seen.
    """
    for change in plan.changes:
        if (record := _record(change)) is not None:
            address = change.moved_from or change.address
            known = change.recorded or record
            confirmed = None if record.unconfirmed == known.unconfirmed else record.unconfirmed
            seen = replace(known, observed=record.observed, order_id=record.order_id, sold=record.sold)
            if seen != record:
                yield Stated(address, record.declared, record.assumed, record.baseline, confirmed)
            if seen != known:
                yield Remembered(
                    address, record.phase, order_id=record.order_id, observed=record.observed, sold=record.sold
                )


def with_statements_applied(plan: Plan) -> Plan:
    """Returns the plan with the records as its statements leave them, so that a change in place starts from there."""
    return replace(
        plan,
        changes=tuple(
            evolve(change, recorded=record) if (record := _record(change)) else change for change in plan.changes
        ),
    )


def _record(change: Change) -> Recorded | None:
    """Returns the noted record; None where another server takes its place or this run leaves it alone."""
    return change.noted if change.action in _STAYS and change.reason is not Reason.LEFT_OUT else None
