"""Settles what earlier runs left open, before anything new is planned: by looking, never by sending.

A purchase in doubt is adopted when exactly one live server can be it. Where none can, and the policy says that silence means
something by now, it was never carried out; else it stays open, and so does its address: the plan that follows says what is
listed. What a lost release did is seen in the complete list; a lost wipe counts as carried out. (docs/decisions/0001, 0008, 0012)
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

from provisioner.applying.cloud_reading import CloudSnapshot
from provisioner.applying.doubt_resolver import adoption, nobody_elses
from provisioner.applying.ports import Ledger, OtherStatesPort, no_other_states
from provisioner.model.address import Address
from provisioner.model.diagnostic import warning
from provisioner.model.doubt import matches_another_purchase, presumed_absent, proves_absence, untracked
from provisioner.model.event import Event, EventType, Listener
from provisioner.model.flow import Effect
from provisioner.model.journal import RELEASED, Entry, Forgotten, Remembered, Settled
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.outcome import shows_reinstallation, with_unanswered_reinstallation
from provisioner.model.purchase_policy import PurchasePolicy
from provisioner.model.replay import replay
from provisioner.model.resource import Live, Phase
from provisioner.model.shared_orders import siblings
from provisioner.model.state import Intent, State


def recover(
    state: State,
    snapshot: CloudSnapshot,
    *,
    catalogue: Catalogue,
    policy: PurchasePolicy,
    ledger: Ledger,
    listen: Listener,
    other_states: OtherStatesPort = no_other_states,
) -> State:
    """The state after what could be settled, journaled already."""
    entries: list[Entry] = []
    events: list[Event] = []
    adopted: set[Address] = set()
    free = untracked(snapshot.live.values(), state.resources.values())
    unseen = _Unseen(snapshot, free, state, catalogue, other_states)
    for intent in (*state.in_doubt, *presumed_absent(state)):
        kind = catalogue[intent.kind]
        match intent.effect:
            case Effect.DESTRUCTIVE if _is_hidden(intent, state, snapshot):
                pass  # another user sent it, and the list may leave out what is his
            case Effect.DESTRUCTIVE:
                told = [*_after_release(intent, state, snapshot.live, kind)]
                forgotten = {entry.address for entry in entries if isinstance(entry, Forgotten)}
                entries += _along(told, state, snapshot.live, kind, forgotten=forgotten)
                entries += told
                events += (*_left_over(told, state, kind), *_not_gone(intent, snapshot.live, kind))
            case Effect.WIPE:
                entries += _after_wipe(intent, state, snapshot.live, kind)
                events += _unconfirmed(intent, state, snapshot.live, kind)
            case Effect.PAYMENT | Effect.CANCELLATION:
                entries.append(Settled(intent.id, "observed", "the order tells what became of it"))
            case _ if intent.members:
                pass  # which order it became, or that it became none, is a person's to say
            case _:
                candidates = nobody_elses(kind.match(intent, free), other_states)
                if intent.address in adopted:
                    pass  # two purchases of one address: the other one is told, and is a person's to judge
                elif len(candidates) == 1 and not snapshot.may_hide(intent.kind, {intent.name, *intent.names}):
                    free.remove(candidates[0])
                    adopted.add(intent.address)
                    entries.append(adoption(intent, candidates[0], kind))
                    events.append(_adopted(intent, candidates[0]))
                elif (
                    intent.id in state.intents
                    and unseen.is_none(intent, kind)
                    and _is_over(intent, kind, policy, snapshot)
                ):
                    entries.append(_absent(intent, snapshot, kind))
                    events.append(Event(EventType.SETTLED, intent.address, detail="never carried out"))
    if entries:
        ledger.append(entries)
    for event in events:
        listen(event)
    return replay(state, entries)


@dataclass(frozen=True, slots=True)
class _Unseen:
    """What a purchase in doubt may have become, though nothing fits it."""

    snapshot: CloudSnapshot
    free: list[Live]
    state: State
    catalogue: Catalogue
    other_states: OtherStatesPort

    def is_none(self, intent: Intent, kind: Kind) -> bool:
        """Never by a list with gaps that concern it, nor while something new bears its name, or none at all, however much it differs from
        the request; nor while something new is as it was asked for under another name, that nothing else accounts for. A state that
        cannot be read accounts for nothing.
        """
        if self.snapshot.may_hide_outcome(intent):
            return False
        new = [row for row in self.free if row.kind == intent.kind and row.id not in intent.known_before]
        if any(row.id == intent.answered_id for row in new):
            return False
        if any(
            row.name == intent.name or (not row.name and not intent.existed_before(row.id, row.created_at))
            for row in new
        ):
            return False
        unexplained = tuple(self._unexplained(intent, kind))
        told = self.other_states(unexplained, readable_only=True) if unexplained else ()
        return all(row.id in told for row in unexplained)

    def _unexplained(self, intent: Intent, kind: Kind) -> Iterator[Live]:
        for row in kind.match_similar(intent, self.free):
            if not matches_another_purchase(intent, row, self.state, self.catalogue):
                yield row


def _is_over(intent: Intent, kind: Kind, policy: PurchasePolicy, snapshot: CloudSnapshot) -> bool:
    return proves_absence(
        intent, kind, policy, snapshot.server_time, snapshot.traces.get(intent.id), here=snapshot.local_time
    )


def _absent(intent: Intent, snapshot: CloudSnapshot, kind: Kind) -> Entry:
    evidence = f"a complete list has no {kind.noun} that fits"
    if snapshot.server_time is not None:
        evidence += f", {max(0, snapshot.server_time - intent.server_time) // 1000} s after it was sent"
    if unpaid := [trace.order_id for trace in snapshot.traces.get(intent.id) or () if trace.is_unpaid]:
        evidence += f"; ordered since and not paid: {', '.join(unpaid)}"
    return Settled(intent.id, "absent", evidence)


def _adopted(intent: Intent, found: Live) -> Event:
    return Event(EventType.ADOPTED, intent.address, id=found.id, order_id=found.order_id)


def _left_over(entries: Iterable[Entry], state: State, kind: Kind) -> Iterator[Event]:
    """The run that released it did not live to say what the cloud has kept."""
    gone = [state.resources[entry.address] for entry in entries if isinstance(entry, Forgotten)]
    for recorded in gone:
        for leftover in kind.leftovers(recorded, None):
            finding = warning(
                "left-over",
                f"{recorded.address}: it is released, and the cloud has kept, and bills on: {leftover.what}",
                hint="delete it in the console if nobody needs it",
                address=recorded.address,
            )
            yield Event(EventType.NOTICE, recorded.address, diagnostic=finding)


def _is_hidden(intent: Intent, state: State, snapshot: CloudSnapshot) -> bool:
    """A release whose server has no record any more hides nothing that anybody asks for: it is closed, whatever the list shows."""
    is_held = any(record.id == intent.target_id for record in state.resources.values())
    return is_held and intent.target_id not in snapshot.live and snapshot.may_hide_outcome(intent)


def _along(
    told: Iterable[Entry], state: State, live: Mapping[str, Live], kind: Kind, *, forgotten: Container[Address]
) -> Iterator[Entry]:
    """What has gone with the order of a server that is to be forgotten: nothing else would say that we have released it."""
    for gone in [state.resources[entry.address] for entry in told if isinstance(entry, Forgotten)]:
        if kind.orders.ends_its_order(gone, None) and gone.phase is not Phase.FAILED:
            for other in siblings(gone, state.resources.values()):
                if other.id not in live and other.address not in forgotten:
                    yield Remembered(other.address, Phase.DELETING)


def _after_release(intent: Intent, state: State, live: Mapping[str, Live], kind: Kind) -> Iterator[Entry]:
    """Gone after we asked for it is released, not vanished; still there is for the next plan to judge. Another server that has
    taken the address since is not spoken of.
    """
    if intent.target_id is None:
        yield Settled(intent.id, "observed", f"the request named no {kind.noun}, so nothing is known to be gone")
        return
    recorded = state.resources.get(intent.address)
    is_recorded = recorded is not None and recorded.id == intent.target_id
    row = live.get(intent.target_id)
    if row is None:
        yield Settled(intent.id, "observed", "gone from the list" if not is_recorded else "gone from the complete list")
        if is_recorded:
            yield Forgotten(intent.address, RELEASED, intent.target_id)
        return
    yield Settled(intent.id, "observed", f"listed with status {row.status}")
    if is_recorded and row.status in kind.statuses.releasing:
        yield Remembered(intent.address, Phase.DELETING)


def _not_gone(intent: Intent, live: Mapping[str, Live], kind: Kind) -> Iterator[Event]:
    """Nothing says whether the release will be carried out yet, and whoever wants the server again should know that."""
    row = live.get(intent.target_id or "")
    if row is None or row.status in kind.statuses.releasing:
        return
    finding = warning(
        "unsettled",
        f"{intent.address}: the answer to the release of {row.id} was lost, and the cloud lists it with status {row.status}",
        detail=f"it counts as never carried out; should it arrive late, the {kind.noun} goes all the same",
        hint=f"where the specs want the {kind.noun}, plan again in some minutes, before anything relies on it",
        address=intent.address,
    )
    yield Event(EventType.NOTICE, intent.address, diagnostic=finding)


def _after_wipe(intent: Intent, state: State, live: Mapping[str, Live], kind: Kind) -> Iterator[Entry]:
    """It counts as carried out, whatever the server shows: a row may be late, and a disk that is wiped twice is lost twice. What
    it was to bring is recorded, and that nothing shows it, where nothing does; a person repeats it by name (docs/decisions/0012).
    """
    recorded, row = state.resources.get(intent.address), live.get(intent.target_id or "")
    seen = "not listed" if row is None else f"listed with status {row.status}"
    yield Settled(intent.id, "observed", f"counts as carried out: {seen}")
    if recorded is not None and recorded.id == intent.target_id:
        after = with_unanswered_reinstallation(recorded, intent, row, kind)
        observed = {**recorded.observed, **(row.observed if row else {})}
        unseen = None if after.unconfirmed == recorded.unconfirmed else after.unconfirmed
        yield Remembered(intent.address, after.phase, declared=after.declared, observed=observed, unconfirmed=unseen)


def _unconfirmed(intent: Intent, state: State, live: Mapping[str, Live], kind: Kind) -> Iterator[Event]:
    """That nothing shows it yet, where nothing does: it may never have arrived."""
    row = live.get(intent.target_id or "")
    if row is None or shows_reinstallation(state.resources.get(intent.address), intent, row, kind):
        return
    finding = warning(
        "unconfirmed",
        f"{intent.address}: the answer to its reinstallation was lost, and the cloud does not show that it was carried out",
        detail="it counts as carried out and is not sent again: its row may be late, and its system disk would be wiped twice",
        hint=f"if it still has its system from before, `apply --reinstall {intent.address.shell_quoted}` wipes its system disk and puts on it "
        "what is declared",
        address=intent.address,
    )
    yield Event(EventType.NOTICE, intent.address, diagnostic=finding)
