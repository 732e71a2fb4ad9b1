"""A replacement that buys first, as the two ways that it takes: a purchase, and after it the release of what it replaces.

Which replacements those are the plan says. The old server is deposed right before its successor is bought, and no earlier: until
then it has its address (docs/decisions/0016).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from provisioner.model.change import Action, Change, Plan, Reason
from provisioner.model.sharing import of_one_order
from provisioner.model.turn import Turn, releasing


def in_two_steps(plan: Plan) -> Plan:
    """The same plan; what is created in it for an address whose server is released after it, deposes that one (`is_deposing`)."""
    if not any(change.create_first for change in plan.changes):
        return plan
    changes = tuple(step for change in plan.changes for step in _steps(change))
    return replace(plan, changes=changes, turns=(*plan.turns, *_turns(changes)))


def _turns(changes: Iterable[Change]) -> Iterator[Turn]:
    """An order ends as a whole: what it has bought is released when all that replaces it is there."""
    deposed = [change.recorded for change in changes if change.address.deposed and change.action is Action.DELETE]
    for records in of_one_order(record for record in deposed if record):
        successors = tuple(record.address.successor for record in records)
        yield Turn(tuple(record.address for record in records), successors, releasing(successors))


def is_deposing(change: Change) -> bool:
    return change.action is Action.CREATE and change.create_first


def _steps(change: Change) -> Iterator[Change]:
    if change.action is not Action.REPLACE or not change.create_first or change.recorded is None:
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
