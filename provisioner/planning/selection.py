"""Narrows a plan to what a run is about. What is left out stays in it as no work, so that the guards still see the whole.

A purchase in doubt is never left out: that its server is looked for costs nothing, and that it is not may cost a second one.
What is left out sets nothing off; that it was set off itself is kept, to be noted for a later run. What is deposed goes where its
successor goes: the labels that it was bought with are not asked.
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
    """By the plan's own selection; its changes are those before anything is set off. Of what is left out nothing is written down."""
    whole = replace(plan, changes=add_triggers(plan.changes))
    if plan.selection.is_everything:
        return whole
    selected = _selected(plan)
    chosen = add_triggers(
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
            for change in chosen
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
    """What is wrong elsewhere and would not be mended anyway."""
    return change.address in not_as_wanted and change.address not in selected


def _without_unselected_note(change: Change, selected: Collection[Address]) -> Change:
    return change if change.noted is None or change.address in selected else evolve(change, noted=None)


def _without_work(change: Change) -> NoOpChange:
    """As it is: recorded, or not there."""
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
