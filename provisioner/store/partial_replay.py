"""Replays a journal of which some entries cannot be read.

It uses each entry as far as possible, and none raises an error.

The guideline: an unnecessary doubt costs the user a look at the console, a missing doubt may cost a second server.
Therefore facts without a known purchase are kept and reported, and an open intent stays open until an entry states how
it ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from provisioner.model.address import Address
from provisioner.model.flow import Effect
from provisioner.model.identity import Identity
from provisioner.model.journal import (
    Adopted,
    Answered,
    Entry,
    Forgotten,
    Imported,
    Intended,
    Moved,
    Remembered,
    Stated,
)
from provisioner.model.replay import replay
from provisioner.model.resource import Recorded
from provisioner.model.state import Intent, State

_EMPTY = State(stack="", environment=None, lineage="", serial=0, identity=Identity("", "", ""))
"""Replaces a lost state. Only what is replayed onto it is used."""


class PartialReplay:
    """The replay.

    Of `state` only the resources, the intents and the absent purchases count. `is_whole`: every entry was understood.
    """

    def __init__(self, base: State | None) -> None:
        self.state = base or _EMPTY
        self.is_whole = True
        self._unplaced: dict[Address, Remembered] = {}
        self._unattributed_ids: list[str] = []

    @property
    def unplaced(self) -> tuple[Remembered, ...]:
        owned = {one.id for one in self.state.resources.values()}
        return tuple(
            facts
            for facts in self._unplaced.values()
            if (facts.id or facts.order_id) and facts.id not in owned - {None}
        )

    @property
    def unattributed_ids(self) -> tuple[str, ...]:
        placed = {name for one in self.state.resources.values() for name in (one.id, one.order_id)}
        placed |= {name for facts in self.unplaced for name in (facts.id, facts.order_id)}
        return tuple(name for name in dict.fromkeys(self._unattributed_ids) if name not in placed)

    def apply(self, entry: Entry) -> None:
        """Replay one more entry."""
        match entry:
            case Intended(intent=intent) if intent.effect is Effect.PURCHASE:
                self._end_earlier(intent)
            case Answered() | Adopted() if entry.intent not in {*self.state.intents, *self.state.absent}:
                self._unattributed_ids += [name for name in (entry.id, entry.order_id) if name is not None]
                return
            case Remembered() if entry.address not in self.state.resources:
                if not self._answer_purchase(entry):
                    self._unplaced[entry.address] = _merge_facts(self._unplaced.get(entry.address), entry)
                    return
            case Stated() if entry.address not in self.state.resources:
                return  # it does not concern a purchase
            case Moved():
                self._clear_target(entry)
            case Imported() | Forgotten():
                self._unplaced.pop(entry.address, None)
            case _:
                pass
        self.state = replay(self.state, [entry])
        self._give_each_id_one_owner(entry)

    def _end_earlier(self, intent: Intent) -> None:
        """End the purchases that `intent` shows to have ended: an address is bought again only after its last purchase
        has ended.

        Other addresses of the same call stay open.
        """
        ended = frozenset(intent.addresses)
        remaining = (
            one if one.effect is not Effect.PURCHASE else _without_addresses(one, ended)
            for one in self.state.intents.values()
        )
        self._update(intents={one.id: one for one in remaining if one is not None})

    def _clear_target(self, move: Moved) -> None:
        """Remove what the new address held: an unreadable entry must have forgotten it."""
        if move.origin in self.state.resources:
            self._update(resources={key: one for key, one in self.state.resources.items() if key != move.address})
        if (facts := self._unplaced.pop(move.origin, None)) is not None:
            self._unplaced[move.address] = replace(facts, address=move.address)

    def _answer_purchase(self, facts: Remembered) -> bool:
        """Answer an open purchase by facts about its server, which prove that it was answered.

        Return whether there was one.
        """
        intent = self.state.doubts.get(facts.address)
        if intent is None or not (facts.order_id or (facts.id and not intent.members)):
            return False
        self.state = replay(self.state, [Answered(intent.id, 200, id=facts.id, order_id=facts.order_id)])
        return True

    def _give_each_id_one_owner(self, entry: Entry) -> None:
        """Keep an id at the last address that claims it: an unreadable entry must have forgotten the earlier one."""
        address = getattr(entry, "address", None)
        identifier = getattr(entry, "id", None)
        if identifier is None:
            return
        owners = [one.address for one in self.state.resources.values() if one.id == identifier]
        if len(owners) > 1:
            last = address if address in owners else owners[-1]
            kept = {key: one for key, one in self.state.resources.items() if one.id != identifier or key == last}
            self._update(resources=kept)

    def _update(
        self, *, resources: Mapping[Address, Recorded] | None = None, intents: Mapping[str, Intent] | None = None
    ) -> None:
        self.state = replace(
            self.state,
            resources=self.state.resources if resources is None else resources,
            intents=self.state.intents if intents is None else intents,
        )


def _without_addresses(intent: Intent, ended: frozenset[Address]) -> Intent | None:
    """Return the purchase without the `ended` addresses; None when none is left."""
    if ended.isdisjoint(intent.addresses):
        return intent
    members = tuple(member for member in intent.members if member.address not in ended)
    return replace(intent, address=members[0].address, members=members) if members else None


def _merge_facts(before: Remembered | None, facts: Remembered) -> Remembered:
    """Merge newer facts over older ones. A fact that is None leaves the older one unchanged, as in the journal."""
    if before is None:
        return facts
    return replace(
        facts,
        id=facts.id or before.id,
        order_id=facts.order_id or before.order_id,
        declared=before.declared if facts.declared is None else facts.declared,
        observed=before.observed if facts.observed is None else facts.observed,
        labels=before.labels if facts.labels is None else facts.labels,
        protected=before.protected if facts.protected is None else facts.protected,
        pending=before.pending if facts.pending is None else facts.pending,
        baseline=before.baseline if facts.baseline is None else facts.baseline,
        refused=before.refused if facts.refused is None else facts.refused,
        sold=facts.sold or before.sold,
        unconfirmed=before.unconfirmed if facts.unconfirmed is None else facts.unconfirmed,
        paid=facts.paid or before.paid,
    )
