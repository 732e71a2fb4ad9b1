"""Narrows a plan to the selected addresses. The others stay in it without work, so that the guards still see the whole.

A purchase in doubt is never left out: to search for its server costs nothing, and not to may cost a second one. A
change that is left out triggers nothing; that it was triggered itself is kept, and recorded for a later run. A deposed
server follows its successor, whatever labels it was bought with.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import TypeAlias

from provisioner.model.action import Action, Reason
from provisioner.model.address import Address
from provisioner.model.change import Change, NoOpChange, convert_to, evolve
from provisioner.model.plan import LeftOut, Plan
from provisioner.planning.triggers import is_cause

AddTriggers: TypeAlias = Callable[[Iterable[Change]], tuple[Change, ...]]


def narrow(plan: Plan, add_triggers: AddTriggers) -> Plan:
    """Narrows the plan by its own selection. Its changes must not contain triggered ones yet. Nothing is recorded about
    changes that are left out.
    """
    whole = replace(plan, changes=add_triggers(plan.changes))
    if plan.selection.is_everything:
        return whole
    selected = _selected(plan)
    narrowed = add_triggers(
        _without_work(change) if _is_left_out(change, selected) else _without_unselected_note(change, selected)
        for change in plan.changes
    )
    not_as_wanted = {change.address for change in whole.not_as_wanted}
    return replace(
        plan,
        changes=tuple(
            _with_causes_only(change)
            if _is_left_out(change, selected) or _is_passed_over(change, selected, not_as_wanted)
            else change
            for change in narrowed
        ),
        left_out=tuple(LeftOut(each.address, each.action) for each in whole.work if _is_left_out(each, selected)),
    )


def _selected(plan: Plan) -> frozenset[Address]:
    by_address = {change.address: change for change in plan.changes}
    return frozenset(
        change.address for change in plan.changes if plan.selects(by_address.get(change.address.successor, change))
    )


def _is_left_out(change: Change, selected: Collection[Address]) -> bool:
    has_work = change.action is not Action.NO_OP or change.reason is Reason.LEFT_OUT
    return has_work and change.reason is not Reason.IN_DOUBT and change.address not in selected


def _is_passed_over(change: Change, selected: Collection[Address], not_as_wanted: Collection[Address]) -> bool:
    """Whether the change is not selected, and its server is not as wanted and would stay so in any case."""
    return change.address in not_as_wanted and change.address not in selected


def _without_unselected_note(change: Change, selected: Collection[Address]) -> Change:
    return change if change.noted is None or change.address in selected else evolve(change, noted=None)


def _without_work(change: Change) -> NoOpChange:
    """Returns the change as no work: the server stays as it is, recorded or not there."""
    is_there = change.recorded is not None and change.action is not Action.ADOPT
    return convert_to(
        change,
        NoOpChange,
        reason=Reason.LEFT_OUT,
        fields=(),
        recorded=change.recorded if is_there else None,
        after=change.after if is_there else None,
    )


def _with_causes_only(change: Change) -> Change:
    return replace(_without_work(change), fields=tuple(item for item in change.fields if is_cause(item)))
