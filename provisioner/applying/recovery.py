"""Settles what earlier runs left open, before anything new is planned: by looking, never by sending.

A purchase in doubt is adopted when exactly one live server can be it; else it stays open, and so does its address: the
plan that follows says what is listed. What
a lost release did is seen in the complete list. (docs/decisions/0001)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from provisioner.applying.ports import Ledger
from provisioner.model.event import Event, EventType, Listener
from provisioner.model.flow import Effect
from provisioner.model.journal import Adopted, Entry, Forgotten, Remembered, Settled, replay
from provisioner.model.kind import Catalogue
from provisioner.model.resource import Live, Phase
from provisioner.model.state import Intent, State


def recover(state: State, live: Mapping[str, Live], *, catalogue: Catalogue, ledger: Ledger, listen: Listener) -> State:
    """The state after what could be settled, journaled already. `live` is a complete read as the state's identity."""
    entries = tuple(_settlements(state, live, catalogue, listen))
    if entries:
        ledger.append(entries)
    return replay(state, entries)


def _settlements(state: State, live: Mapping[str, Live], catalogue: Catalogue, listen: Listener) -> Iterator[Entry]:
    untracked = _untracked(state, live)
    for intent in state.in_doubt:
        if intent.effect is Effect.DESTRUCTIVE:
            yield from _after_release(intent, live, catalogue)
            continue
        candidates = catalogue[intent.kind].match(intent, untracked)
        if len(candidates) == 1:
            found = candidates[0]
            listen(Event(EventType.ADOPTED, intent.address, id=found.id, order_id=found.order_id))
            untracked.remove(found)
            yield Adopted(
                intent.id, found.id, f"the only live server named {intent.name} that fits the request", found.order_id
            )


def _untracked(state: State, live: Mapping[str, Live]) -> list[Live]:
    """A server whose order is recorded has its address already, though nobody has seen its id yet."""
    ids = {recorded.id for recorded in state.resources.values()}
    orders = {recorded.order_id for recorded in state.resources.values()} - {None}
    return [row for row in live.values() if row.id not in ids and row.order_id not in orders]


def _after_release(intent: Intent, live: Mapping[str, Live], catalogue: Catalogue) -> Iterator[Entry]:
    """Gone after we asked for it is released, not vanished; still there is for the next plan to judge."""
    if intent.target_id is None:
        yield Settled(intent.id, "observed", "the request named no server, so nothing is known to be gone")
        return
    row = live.get(intent.target_id)
    if row is None:
        yield Settled(intent.id, "observed", "gone from the complete list")
        yield Forgotten(intent.address, "released", intent.target_id)
        return
    yield Settled(intent.id, "observed", f"listed with status {row.status}")
    if row.status in catalogue[intent.kind].releasing:
        yield Remembered(intent.address, Phase.DELETING)
