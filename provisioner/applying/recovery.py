"""Settles what earlier runs left open, before anything new is planned: by looking, never by sending.

A purchase in doubt is adopted when exactly one live server can be it. Where none can, and the policy says that silence means
something by now, it was never carried out; else it stays open, and so does its address: the plan that follows says what is
listed. What a lost release did is seen in the complete list. (docs/decisions/0001, 0008)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from provisioner.applying.ports import Ledger
from provisioner.applying.reading import Sight
from provisioner.model.doubt import is_over, untracked
from provisioner.model.event import Event, EventType, Listener
from provisioner.model.flow import Effect
from provisioner.model.journal import Adopted, Entry, Forgotten, Remembered, Settled, replay
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.purchasing import PurchasePolicy
from provisioner.model.resource import Live, Phase
from provisioner.model.state import Intent, State


def recover(
    state: State, sight: Sight, *, catalogue: Catalogue, policy: PurchasePolicy, ledger: Ledger, listen: Listener
) -> State:
    """The state after what could be settled, journaled already."""
    entries: list[Entry] = []
    events: list[Event] = []
    free = untracked(sight.live.values(), state.resources.values())
    for intent in state.in_doubt:
        kind = catalogue[intent.kind]
        match intent.effect:
            case Effect.DESTRUCTIVE:
                entries += _after_release(intent, sight.live, kind)
            case Effect.PAYMENT:
                entries.append(Settled(intent.id, "observed", "the order tells what became of it"))
            case _:
                candidates = kind.match(intent, free)
                if len(candidates) == 1:
                    free.remove(candidates[0])
                    entries.append(_adopted(intent, candidates[0]))
                    events.append(_event(EventType.ADOPTED, intent, candidates[0]))
                elif not candidates and is_over(intent, kind, policy, sight.at):
                    entries.append(_absent(intent, sight.at or 0))
                    events.append(_event(EventType.SETTLED, intent))
    if entries:
        ledger.append(entries)
    for event in events:
        listen(event)
    return replay(state, entries)


def _adopted(intent: Intent, found: Live) -> Entry:
    evidence = f"the only live server named {intent.name} that fits the request"
    return Adopted(intent.id, found.id, evidence, found.order_id)


def _absent(intent: Intent, now: int) -> Entry:
    seconds = (now - intent.server_time) // 1000
    return Settled(intent.id, "absent", f"a complete list {seconds} s after it was sent has no server that fits")


def _event(kind: EventType, intent: Intent, found: Live | None = None) -> Event:
    if found is None:
        return Event(kind, intent.address, detail="never carried out")
    return Event(kind, intent.address, id=found.id, order_id=found.order_id)


def _after_release(intent: Intent, live: Mapping[str, Live], kind: Kind) -> Iterator[Entry]:
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
    if row.status in kind.releasing:
        yield Remembered(intent.address, Phase.DELETING)
