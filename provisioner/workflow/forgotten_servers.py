"""Finds the servers that this state once held and does not any more.

Such a server may have a declared name and be missing from the cloud's list. Only the journal names them, so it is read
whenever something may be bought.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from provisioner.model.address import Address
from provisioner.model.history import HistoryRecord
from provisioner.model.journal import CANCELLED, RELEASED, Forgotten, Imported, Intended, Moved
from provisioner.model.resource import Desired
from provisioner.model.state import State
from provisioner.model.time_text import format_time

_RELEASED = frozenset({RELEASED, CANCELLED})
_ENDS = {RELEASED: "was released", CANCELLED: "was never built, as its order was cancelled"}
_MOST = 20
"""How many forgotten servers a run requests by id, at one request each; the ones forgotten last come first."""


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


def former_servers(history: Callable[[], Iterable[HistoryRecord]], ids: Collection[str]) -> Mapping[str, str]:
    """Returns what became of those of the servers that this state has held and let go: the rest of a sentence by id."""
    found: dict[str, str] = {}
    for record in history() if ids else ():
        match record.entry:
            case Forgotten(address=address, reason=reason, id=str(identifier)) if identifier in ids:
                end = _ENDS.get(reason, f"was forgotten ({reason})")
                found[identifier] = f"{end} from {address} at {format_time(record.time)}"
            case _:
                pass
    return found
