"""Decides whether a server holds up those that come after it: the later waves of its group, and the release of the
server that it replaces.

It does not where all that is desired of it is there. Other changes of the same run, such as a label or another name, do
not matter. Where another machine or another system is planned, the run itself shows how it went. Pure.
"""

from __future__ import annotations

from provisioner.model.action import Action, Reason
from provisioner.model.change import Change
from provisioner.model.kind import Catalogue
from provisioner.model.readiness import is_healthy
from provisioner.model.resource import Phase
from provisioner.planning.charging_mismatch import mismatched_mode
from provisioner.planning.plan_input import PlanInput

_STAYS = frozenset({Action.NO_OP, Action.MOVE, Action.UPDATE, Action.REINSTALL, Action.RESUME, Action.ADOPT})
_SETTLED = frozenset({Phase.READY, Phase.FAILED})


def blocks_dependents(change: Change, inputs: PlanInput, catalogue: Catalogue) -> bool:
    """Whether the server is not as it should be, or nobody knows, and no planned change mends that. A server that is
    left out of the run holds up nobody.
    """
    if change.is_not_as_wanted:
        return True
    recorded = change.recorded
    if recorded is None or change.action not in _STAYS or change.reason is Reason.LEFT_OUT:
        return False
    if mismatched_mode(recorded, change.desired, inputs, catalogue) is not None:
        return True
    row = inputs.live.get(recorded.id or "")
    is_followed = change.action is Action.REINSTALL or recorded.phase not in _SETTLED
    return row is not None and not is_followed and not is_healthy(catalogue[change.kind], row)


def is_unproven_for(earlier: Change, later: Change) -> bool:
    """Whether `later` would be given a field that is held for `earlier`, so that nothing shows yet how that goes. A
    purchase is given all fields.
    """
    given = {item.path for item in later.fields}
    return bool(earlier.held) and (later.action is Action.CREATE or not given.isdisjoint(earlier.held))
