"""Settles what earlier runs left open, before anything new is planned. It compares with what the cloud lists and sends
nothing.

A purchase in doubt is adopted if exactly one live server can be its outcome. If none can, and the purchase policy takes
silence for an answer by now, it counts as never carried out. Otherwise it stays open, and so does its address: the plan
that follows names what is listed. The outcome of a lost release is seen in the complete list. A lost wipe counts as
carried out. (docs/decisions/0001, 0008, 0012)
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from provisioner.applying.cloud_reading import CloudSnapshot
from provisioner.applying.doubt_resolver import adoption, without_claimed
from provisioner.applying.ports import EntryLog, OtherStatesPort, no_other_states
from provisioner.model.address import Address
from provisioner.model.diagnostic import warning
from provisioner.model.doubt import find_untracked, matches_another_purchase, presumed_absent, proves_absence
from provisioner.model.event import Event, EventType, Listener
from provisioner.model.flow import Effect
from provisioner.model.journal import RELEASED, Entry, Forgotten, Remembered, Settled
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.outcome import shows_reinstallation, with_unanswered_reinstallation
from provisioner.model.purchase_policy import PurchasePolicy
from provisioner.model.replay import replay
from provisioner.model.resource import Live, Phase
from provisioner.model.shared_orders import find_siblings
from provisioner.model.state import Intent, State


def recover(
    state: State,
    snapshot: CloudSnapshot,
    *,
    catalogue: Catalogue,
    policy: PurchasePolicy,
    ledger: EntryLog,
    listen: Listener,
    other_states: OtherStatesPort = no_other_states,
) -> State:
    """Settles what can be settled, writes it to the journal, and returns the state after it."""
    entries: list[Entry] = []
    events: list[Event] = []
    adopted: set[Address] = set()
    free = find_untracked(snapshot.live.values(), state.resources.values())
    absence = _AbsenceCheck(snapshot, free, state, catalogue, other_states)
    for intent in (*state.in_doubt, *presumed_absent(state)):
        kind = catalogue[intent.kind]
        match intent.effect:
            case Effect.DESTRUCTIVE if _is_hidden(intent, state, snapshot):
                pass  # another user sent it, and the list may leave out that user's servers
            case Effect.DESTRUCTIVE:
                release = [*_settle_release(intent, state, snapshot.live, kind)]
                forgotten = {entry.address for entry in entries if isinstance(entry, Forgotten)}
                entries += _released_along(release, state, snapshot.live, kind, forgotten=forgotten)
                entries += release
                events += (*_leftover_notices(release, state, kind), *_still_listed_notice(intent, snapshot.live, kind))
            case Effect.WIPE:
                entries += _settle_wipe(intent, state, snapshot.live, kind)
                events += _unconfirmed_notice(intent, state, snapshot.live, kind)
            case Effect.PAYMENT | Effect.CANCELLATION:
                entries.append(Settled(intent.id, "observed", "the order shows the outcome"))
            case _ if intent.members:
                pass  # only a person can say which order it became, or that it became none
            case _:
                candidates = without_claimed(kind.match(intent, free), other_states)
                if intent.address in adopted:
                    pass  # two purchases of one address: the plan reports the other one, and a person decides
                elif len(candidates) == 1 and not snapshot.may_hide(intent.kind, {intent.name, *intent.names}):
                    free.remove(candidates[0])
                    adopted.add(intent.address)
                    entries.append(adoption(intent, candidates[0], kind))
                    events.append(_adopted_event(intent, candidates[0]))
                elif (
                    intent.id in state.intents
                    and absence.is_proven(intent, kind)
                    and _silence_proves_absence(intent, kind, policy, snapshot)
                ):
                    entries.append(_absent_entry(intent, snapshot, kind))
                    events.append(Event(EventType.SETTLED, intent.address, detail="never carried out"))
    if entries:
        ledger.append(entries)
    for event in events:
        listen(event)
    return replay(state, entries)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A ledger that keeps its entries for itself."""

    entries: list[Entry] = field(default_factory=list)

    def append(self, entries: Sequence[Entry], /) -> None:
        self.entries.extend(entries)


def absent_by_now(
    state: State,
    snapshot: CloudSnapshot,
    *,
    catalogue: Catalogue,
    policy: PurchasePolicy,
    other_states: OtherStatesPort = no_other_states,
) -> tuple[Settled, ...]:
    """Returns the entries by which an apply would settle purchases in doubt as never carried out, if it began now. Writes
    nothing: a plan without them would call a doubt open whose time is over, and not show what apply buys then.
    """
    if not state.purchases_in_doubt:
        return ()
    draft = _Draft()
    recover(
        state,
        snapshot,
        catalogue=catalogue,
        policy=policy,
        ledger=draft,
        listen=lambda _: None,
        other_states=other_states,
    )
    return tuple(entry for entry in draft.entries if isinstance(entry, Settled) and entry.outcome == "absent")


@dataclass(frozen=True, slots=True)
class _AbsenceCheck:
    """Decides whether the list proves that a purchase in doubt has become no server."""

    snapshot: CloudSnapshot
    free: list[Live]
    state: State
    catalogue: Catalogue
    other_states: OtherStatesPort

    def is_proven(self, intent: Intent, kind: Kind) -> bool:
        """Whether nothing that is listed can be the outcome of the purchase.

        Nothing is proven by a list with gaps that concern it, nor while a new server has its name, or no name at all,
        however much it differs from the request, nor while a new server under another name resembles the request and
        nothing else accounts for it. A state that cannot be read accounts for nothing.
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
        claimed = self.other_states(unexplained, readable_only=True) if unexplained else ()
        return all(row.id in claimed for row in unexplained)

    def _unexplained(self, intent: Intent, kind: Kind) -> Iterator[Live]:
        for row in kind.match_similar(intent, self.free):
            if not matches_another_purchase(intent, row, self.state, self.catalogue):
                yield row


def _silence_proves_absence(intent: Intent, kind: Kind, policy: PurchasePolicy, snapshot: CloudSnapshot) -> bool:
    return proves_absence(
        intent, kind, policy, snapshot.server_time, snapshot.traces.get(intent.id), local_time=snapshot.local_time
    )


def _absent_entry(intent: Intent, snapshot: CloudSnapshot, kind: Kind) -> Entry:
    evidence = f"a complete list shows no {kind.noun} that fits"
    if snapshot.server_time is not None:
        evidence += f", {max(0, snapshot.server_time - intent.server_time) // 1000} s after it was sent"
    if unpaid := [trace.order_id for trace in snapshot.traces.get(intent.id) or () if trace.is_unpaid]:
        evidence += f"; ordered since and not paid: {', '.join(unpaid)}"
    return Settled(intent.id, "absent", evidence)


def _adopted_event(intent: Intent, found: Live) -> Event:
    return Event(EventType.ADOPTED, intent.address, id=found.id, order_id=found.order_id)


def _leftover_notices(release: Iterable[Entry], state: State, kind: Kind) -> Iterator[Event]:
    """Yields a warning for everything of a released server that the cloud has kept: the run that released it died
    before it could warn.
    """
    gone = [state.resources[entry.address] for entry in release if isinstance(entry, Forgotten)]
    for recorded in gone:
        for leftover in kind.leftovers(recorded, None):
            finding = warning(
                "left-over",
                f"{recorded.address}: it is released, but this remains and keeps costing money: {leftover.what}",
                hint="delete it in the console if nobody needs it",
                address=recorded.address,
            )
            yield Event(EventType.NOTICE, recorded.address, diagnostic=finding)


def _is_hidden(intent: Intent, state: State, snapshot: CloudSnapshot) -> bool:
    """Whether the list may hide the outcome of a release. If its server is not recorded any more, nobody asks for the
    outcome, and the release is settled whatever the list shows.
    """
    is_recorded = any(record.id == intent.target_id for record in state.resources.values())
    return is_recorded and intent.target_id not in snapshot.live and snapshot.may_hide_outcome(intent)


def _released_along(
    release: Iterable[Entry], state: State, live: Mapping[str, Live], kind: Kind, *, forgotten: Container[Address]
) -> Iterator[Entry]:
    """Yields entries that mark, as being released, the servers that went with the order of a released one. Nothing else
    would show that we released them.
    """
    for gone in [state.resources[entry.address] for entry in release if isinstance(entry, Forgotten)]:
        if kind.orders.ends_its_order(gone, None) and gone.phase is not Phase.FAILED:
            for other in find_siblings(gone, state.resources.values()):
                if other.id not in live and other.address not in forgotten:
                    yield Remembered(other.address, Phase.DELETING)


def _settle_release(intent: Intent, state: State, live: Mapping[str, Live], kind: Kind) -> Iterator[Entry]:
    """Yields the entries that settle a release. A server that is gone after we asked for its release counts as
    released, not as vanished. One that is still listed is left to the next plan. Another server that has the address by
    now is left alone.
    """
    if intent.target_id is None:
        yield Settled(intent.id, "observed", f"the request named no {kind.noun}, so nothing is known to be gone")
        return
    recorded = state.resources.get(intent.address)
    is_recorded = recorded is not None and recorded.id == intent.target_id
    row = live.get(intent.target_id)
    if row is None:
        yield Settled(intent.id, "observed", "gone from the list" if not is_recorded else "gone from the complete list")
        if is_recorded and recorded is not None:
            yield Forgotten(intent.address, RELEASED, intent.target_id, kind.leftovers(recorded, None))
        return
    yield Settled(intent.id, "observed", f"listed with status {row.status}")
    if is_recorded and row.status in kind.statuses.releasing:
        yield Remembered(intent.address, Phase.DELETING)


def _still_listed_notice(intent: Intent, live: Mapping[str, Live], kind: Kind) -> Iterator[Event]:
    """Yields a warning if the server is still listed: its release may yet be carried out, and whoever wants the server
    must know that.
    """
    row = live.get(intent.target_id or "")
    if row is None or row.status in kind.statuses.releasing:
        return
    finding = warning(
        "unsettled",
        f"{intent.address}: the answer to the release of {row.id} was lost, and the cloud lists it with status {row.status}",
        detail=f"it counts as never carried out; if it arrives late, the {kind.noun} is still released",
        hint=f"if the specs want the {kind.noun}, plan again in some minutes before you rely on it",
        address=intent.address,
    )
    yield Event(EventType.NOTICE, intent.address, diagnostic=finding)


def _settle_wipe(intent: Intent, state: State, live: Mapping[str, Live], kind: Kind) -> Iterator[Entry]:
    """Yields the entries that settle a lost wipe. It counts as carried out, whatever the server shows: a row may be
    late, and a second wipe would lose a disk twice. What it was to install is recorded, and also that nothing shows it,
    if nothing does. A person repeats the wipe by naming the address (docs/decisions/0012).
    """
    recorded, row = state.resources.get(intent.address), live.get(intent.target_id or "")
    seen = "not listed" if row is None else f"listed with status {row.status}"
    yield Settled(intent.id, "observed", f"counts as carried out: {seen}")
    if recorded is not None and recorded.id == intent.target_id:
        after = with_unanswered_reinstallation(recorded, intent, row, kind)
        observed = {**recorded.observed, **(row.observed if row else {})}
        unseen = None if after.unconfirmed == recorded.unconfirmed else after.unconfirmed
        yield Remembered(intent.address, after.phase, declared=after.declared, observed=observed, unconfirmed=unseen)


def _unconfirmed_notice(intent: Intent, state: State, live: Mapping[str, Live], kind: Kind) -> Iterator[Event]:
    """Yields a warning if the row does not show what the wipe was to install: the request may never have arrived."""
    row = live.get(intent.target_id or "")
    if row is None or shows_reinstallation(state.resources.get(intent.address), intent, row, kind):
        return
    finding = warning(
        "unconfirmed",
        f"{intent.address}: the answer to its reinstallation was lost, and the cloud does not show that it was carried out",
        detail="it counts as carried out and is not sent again, because the cloud may show it late and its system disk would be wiped twice",
        hint=f"if it still has its system from before, `provisioner apply --reinstall {intent.address.shell_quoted}` wipes its system disk and installs what is declared",
        address=intent.address,
    )
    yield Event(EventType.NOTICE, intent.address, diagnostic=finding)
