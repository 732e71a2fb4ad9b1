"""Whether a server counts as well for those that come after it: the later waves of its group, and the release of what it replaces.

It does where all that is wanted of it is there. What else is to be done about it in the same run (a label, another name) says nothing
of that. Where another machine or another system comes, the run tells how it went. Pure.
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
    """It is not as it should be, or nobody knows, and nothing that is planned for it mends that. What is left out holds nobody back."""
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
    """Some of what `later` would be given is wanted of `earlier` as well, and held there, so that nothing shows how that goes. What is
    bought is given all of it.
    """
    given = {item.path for item in later.fields}
    return bool(earlier.held) and (later.action is Action.CREATE or not given.isdisjoint(earlier.held))
