"""Narrows a plan to what a run is about. What is left out stays in it as no work, so that the guards still see the whole.

A purchase in doubt is never left out: that its server is looked for costs nothing, and that it is not may cost a second one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from provisioner.model.address import Address
from provisioner.model.change import Action, Change, LeftOut, Plan, Reason


def narrowed(plan: Plan) -> Plan:
    """By the plan's own selection."""
    if plan.selection.is_everything:
        return plan
    left_out = {change.address for change in (*plan.work, *plan.unsettled) if _is_left_out(plan, change)}
    return replace(
        plan,
        changes=tuple(_without_work(change) if change.address in left_out else change for change in plan.changes),
        left_out=_told(plan.work, left_out),
    )


def _is_left_out(plan: Plan, change: Change) -> bool:
    return change.reason is not Reason.IN_DOUBT and not plan.selects(change)


def _without_work(change: Change) -> Change:
    """As it is: recorded, or not there."""
    after = change.after if change.recorded is not None else None
    return replace(change, action=Action.NO_OP, reason=Reason.LEFT_OUT, fields=(), after=after, leftovers=())


def _told(work: Sequence[Change], left_out: set[Address]) -> tuple[LeftOut, ...]:
    return tuple(LeftOut(change.address, change.action) for change in work if change.address in left_out)
