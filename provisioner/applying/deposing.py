"""A replacement that buys first, as the two ways that it takes: a purchase, and after it the release of what it replaces.

Which replacements those are the plan says. The old server is deposed right before its successor is bought, and no earlier: until
then it has its address (docs/decisions/0016).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from provisioner.model.change import Action, Change, Plan, Reason
from provisioner.model.turn import Turn


def in_two_steps(plan: Plan) -> Plan:
    """The same plan; what is created in it for an address whose server is released after it, deposes that one (`is_deposing`)."""
    first = [change for change in plan.changes if change.create_first]
    if not first:
        return plan
    turns = tuple(
        Turn(
            (change.address.as_deposed,), (change.address,), f"the release of the server that {change.address} replaces"
        )
        for change in first
    )
    changes = tuple(step for change in plan.changes for step in _steps(change))
    return replace(plan, changes=changes, turns=(*plan.turns, *turns))


def is_deposing(change: Change) -> bool:
    return change.action is Action.CREATE and change.create_first


def _steps(change: Change) -> Iterator[Change]:
    if not change.create_first or change.recorded is None:
        yield change
        return
    yield replace(change, action=Action.CREATE, recorded=None, leftovers=())
    deposed = change.address.as_deposed
    yield replace(
        change,
        address=deposed,
        action=Action.DELETE,
        recorded=replace(change.recorded, address=deposed),
        desired=None,
        fields=(),
        after=None,
        reason=Reason.DEPOSED,
        moved_from=None,
        create_first=False,
    )
