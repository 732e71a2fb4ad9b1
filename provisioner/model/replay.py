"""Applies journal entries to a state. Pure and idempotent: replaying an entry twice changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from provisioner.model.address import Address
from provisioner.model.approval_use import ApprovalUses
from provisioner.model.flow import Effect
from provisioner.model.journal import (
    RELEASED,
    Adopted,
    Answered,
    Approved,
    Arrived,
    Arriving,
    Created,
    Entry,
    Fenced,
    Forgotten,
    Imported,
    Intended,
    Listed,
    Moved,
    Relocated,
    Remembered,
    Renamed,
    RunEnded,
    RunStarted,
    Settled,
    Stated,
)
from provisioner.model.outcome import (
    purchase_records,
    rule_out_server,
    with_facts,
    with_listed_before,
    with_reinstallation,
)
from provisioner.model.resource import Phase, Recorded
from provisioner.model.state import Intent, State

_RELEASES_KEPT: Final = 1000


def replay(state: State, entries: Iterable[Entry]) -> State:
    """Returns the state after `entries`, in time linear in their number. The store advances `serial` and `head`.

    Raises ValueError for an entry that contradicts what came before it (facts about an address that nobody bought).
    """
    resources = dict(state.resources)
    intents = dict(state.intents)
    absent = dict(state.absent)
    released, listed = dict(state.released), _listed_of(state)
    approvals = ApprovalUses(state.approvals)
    for entry in entries:
        match entry:
            case Intended(intent=intent):
                intents[intent.id] = with_listed_before(listed, intent, intents.get(intent.id))
                approvals.put_in_doubt(intent)
            case Answered() | Adopted():
                answered = intents.pop(entry.intent, None) or absent.pop(entry.intent, None)
                _apply_answer(resources, answered, entry)
                approvals.use_up(answered)
                released.pop(entry.id or "", None)
                rule_out_server(absent, answered, entry.id)
            case Settled():
                settled = intents.pop(entry.intent, None)
                _settle(absent, approvals, settled, entry)
            case Imported(recorded=recorded):
                resources[recorded.address] = recorded
                released.pop(recorded.id or "", None)
            case Moved():
                _move(resources, entry)
            case Remembered():
                resources[entry.address] = with_facts(_require_record(resources, entry.address), entry)
            case Stated():
                resources[entry.address] = _with_statement(_require_record(resources, entry.address), entry)
            case Forgotten():
                _forget(resources, released, entry)
            case Approved():
                approvals.begin(entry)
            case (
                Created()
                | RunStarted()
                | Listed()
                | Renamed()
                | Fenced()
                | Relocated()
                | Arriving()
                | Arrived()
                | RunEnded()
            ):
                listed, state = _listed_since(entry), _with_owner(state, entry)
    newest = dict([*released.items()][-_RELEASES_KEPT:])
    state = replace(state, listed=listed.ids, all_listed=listed.complete)
    state = replace(state, listed_orders=listed.orders, all_orders=listed.all_orders)
    return replace(
        state, resources=resources, intents=intents, absent=absent, released=newest, approvals=approvals.result
    )


def _settle(absent: dict[str, Intent], approvals: ApprovalUses, settled: Intent | None, entry: Settled) -> None:
    """A purchase that is believed absent is kept; what a settled call did is not to be done again."""
    if settled is None:
        return
    if entry.outcome == "absent":
        known = (*settled.earlier_ids, *entry.passed_over)
        absent[settled.id] = replace(settled, earlier_ids=known, passed_over_orders=entry.orders)
    elif entry.outcome == "observed":
        approvals.use_up(settled)


def _with_statement(recorded: Recorded, entry: Stated) -> Recorded:
    unconfirmed = recorded.unconfirmed if entry.unconfirmed is None else entry.unconfirmed
    return replace(
        recorded, declared=entry.declared, assumed=entry.assumed, baseline=entry.baseline, unconfirmed=unconfirmed
    )


def _listed_of(state: State) -> Listed:
    return Listed(state.listed, state.all_listed, state.listed_orders, state.all_orders)


def _with_owner(state: State, entry: Entry) -> State:
    if isinstance(entry, Renamed):
        return replace(state, stack=entry.stack, environment=entry.environment)
    return state


def _listed_since(entry: Entry) -> Listed:
    """Returns the list that holds after this entry: what one run listed does not count for another."""
    return entry if isinstance(entry, Listed) else Listed(())


def _apply_answer(resources: dict[Address, Recorded], intent: Intent | None, entry: Answered | Adopted) -> None:
    """Records the answer to a call: a purchase becomes a record as soon as its ids are known, a release marks its
    record as being deleted, and a reinstallation changes what is declared. The order shows what a payment or a
    cancellation did.
    """
    if intent is None:
        return
    recorded = resources.get(intent.address)
    if intent.effect is Effect.PURCHASE:
        for record in purchase_records(intent, identifier=entry.id, order_id=entry.order_id):
            resources[record.address] = record
    elif intent.effect is Effect.DESTRUCTIVE and recorded is not None and recorded.id is not None:
        resources[intent.address] = replace(recorded, phase=Phase.DELETING)
    elif intent.effect is Effect.WIPE and recorded is not None and recorded.id == intent.target_id:
        resources[intent.address] = with_reinstallation(recorded, intent)


def _move(resources: dict[Address, Recorded], entry: Moved) -> None:
    if entry.origin not in resources:
        return
    if entry.address in resources:
        raise ValueError(f"the journal moves {entry.origin} to {entry.address}, which holds one already")
    moved = resources.pop(entry.origin)
    resources[entry.address] = replace(moved, address=entry.address, term_given_up=entry.term_given_up)


def _forget(resources: dict[Address, Recorded], released: dict[str, Address], entry: Forgotten) -> None:
    """Drops the record of an address, unless another server has taken the address since."""
    recorded = resources.get(entry.address)
    if recorded is not None and (entry.id is None or recorded.id in {None, entry.id}):
        del resources[entry.address]
        if recorded.id is not None and entry.reason == RELEASED:
            released[recorded.id] = entry.address


def _require_record(resources: Mapping[Address, Recorded], address: Address) -> Recorded:
    if (recorded := resources.get(address)) is None:
        raise ValueError(f"the journal remembers facts of {address}, which nobody bought or adopted")
    return recorded
