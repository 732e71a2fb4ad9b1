"""Finds the servers that this state once held and forgot without releasing them.

Such a server may have a declared name and be missing from the cloud's list. Only the journal names them, so it is read
whenever something may be bought.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from provisioner.model.action import Action
from provisioner.model.address import Address
from provisioner.model.history import HistoryRecord
from provisioner.model.journal import Forgotten, Imported, Intended, Moved
from provisioner.model.plan import Mode, Plan
from provisioner.model.resource import Desired
from provisioner.model.state import State

_RELEASED = frozenset({"released", "its order is cancelled"})
_MOST = 20
"""How many forgotten servers a run requests by id, at one request each; the ones forgotten last come first."""


def suspected_ids(plan: Plan, history: Callable[[], Iterable[HistoryRecord]], state: State | None) -> list[str]:
    """Returns the ids to request by id before a saved plan is executed: the same as if it were made now."""
    adopted = [change.recorded.id for change in plan.work if change.action is Action.ADOPT and change.recorded]
    wanted = [change.desired for change in plan.work if change.desired is not None]
    return [*filter(None, adopted), *(forgotten_servers(history, wanted, state) if plan.mode is Mode.APPLY else ())]


def forgotten_servers(
    history: Callable[[], Iterable[HistoryRecord]], wanted: Iterable[Desired], state: State | None
) -> list[str]:
    """Returns the ids of forgotten servers that had the address or the name of a `wanted` resource without a record."""
    held = state.resources if state else {}
    vacant = [desired for desired in wanted if desired.address not in held]
    if state is None or not vacant:
        return []
    addresses, names = {desired.address for desired in vacant}, {desired.name for desired in vacant}
    ids, called = dict[str, None](), dict[Address, str]()
    for record in history():
        match record.entry:
            case Intended(intent=intent):
                called |= {address: name for name, address in intent.names.items()}
            case Imported(recorded=recorded):
                called[recorded.address] = recorded.name
            case Moved(origin=origin, address=address):
                called[address] = called.get(origin, "")
            case Forgotten(address=address, reason=reason, id=str(identifier)) if reason not in _RELEASED:
                if address in addresses or called.get(address) in names:
                    ids.pop(identifier, None)
                    ids[identifier] = None
            case _:
                pass
    return list(ids)[-_MOST:]
