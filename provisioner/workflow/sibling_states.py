"""Reads which servers the other states in the same place hold, so that no server is recorded in two states.

Of two states that record one server, either could release it while the other still uses it. Another run journals a
purchase before it sends it, so these states are asked after the cloud. No lock is taken, and nothing is kept from one
question to the next, because another run may buy in between.

Where the store keeps an index, each question goes to the index once, and only the states that it names are read
(`store/siblings.py`). A state that cannot be read may hold anything that its index names; without an index, anything
at all (docs/decisions/0013).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from provisioner import planning
from provisioner.model.action import Action
from provisioner.model.diagnostic import Diagnostic, error
from provisioner.model.doubt import may_have_bought
from provisioner.model.guards import Allowance
from provisioner.model.held_twice import NOTHING_HELD_TWICE, HeldTwice, SharedPurchase
from provisioner.model.identity import Identity
from provisioner.model.kind import Catalogue
from provisioner.model.lookalikes import shared_spelling
from provisioner.model.plan import Plan
from provisioner.model.resource import Desired, Live
from provisioner.model.state import Intent, State
from provisioner.store import Siblings, StateStore, id_tokens, name_tokens, row_tokens

_RELEASING = frozenset({Action.DELETE, Action.REPLACE})


@dataclass(frozen=True, slots=True)
class OtherStates:
    """The other states, and why they may hold a server.

    `identity` is the account of the live servers: a purchase in doubt of another account is about other servers.
    `allowed` holds the guards that a person has lifted for this run.
    """

    store: StateStore
    catalogue: Catalogue
    identity: Identity
    allowed: frozenset[Allowance] = frozenset()

    def holders(self, rows: Iterable[Live], named: Iterable[str]) -> dict[str, str]:
        """Returns the name of the state that records a server or an order, by server id and by order id, for all
        `rows`, their orders and the ids in `named`. Others may be among them.
        """
        states = self.store.siblings(row_tokens(rows) | id_tokens(named)).states
        return {identifier: label for label, state in states.items() for identifier in _ids(state)}

    def orders(self, *, needed: bool) -> frozenset[str]:
        """Returns the order ids that other states record. No index can list them, so where there is one, all states
        are read only if that is `needed`.
        """
        states = self.store.siblings(None if needed else ()).states
        records = (one for state in states.values() for one in state.resources.values())
        return frozenset(one.order_id for one in records if one.order_id is not None)

    def unread(self, tokens: Collection[str]) -> Mapping[str, str]:
        """Returns the reason by name for each state that cannot be read and may hold something that one of `tokens`
        stands for; empty when a person has allowed that.
        """
        return {} if Allowance.UNREAD_SIBLING in self.allowed else self.store.siblings(tokens).unread

    def __call__(self, rows: Iterable[Live], *, readable_only: bool = False) -> dict[str, str]:
        """Returns the ids of the `rows` that must not be adopted, each with the reason as the end of a sentence.

        With `readable_only`, a state that cannot be read claims nothing.
        """
        rows = tuple(rows)
        return self._claims(rows, self._siblings_of(rows), readable_only=readable_only)

    def claims(
        self, desired: Iterable[Desired], state: State | None, live: Mapping[str, Live], imported: Iterable[str]
    ) -> tuple[Mapping[str, str], frozenset[str]]:
        """Returns the claims of other states to servers that a plan would adopt or mention, and the ids among them that
        are claimed only because some state cannot be read. `imported` are the ids that the plan imports. Other states
        are asked about these servers only.
        """
        asked = {identifier: live[identifier] for identifier in imported if identifier in live}
        unmanaged = planning.relevant_unmanaged_servers(desired, state, live, self.catalogue)
        rows = tuple((asked | {row.id: row for row in unmanaged}).values())
        siblings = self._siblings_of(rows)
        claimed = self._claims(rows, siblings)
        return claimed, frozenset(claimed.keys() - self._claims(rows, siblings, readable_only=True).keys())

    def held_twice(self, state: State | None) -> HeldTwice:
        """Returns what another state that can be read holds as well: servers, orders, and open purchases of one name."""
        if state is None:
            return NOTHING_HELD_TWICE
        held, doubts = _ids(state), state.purchases_in_doubt
        if doubts:
            names = (name for intent in doubts for name in (intent.name, *intent.names))
            states = self.store.siblings(id_tokens(held) | name_tokens(names)).states
        else:
            states = self.store.siblings_recording(held).states
        records = {one: label for label, other in states.items() for one in _ids(other) if one in held}
        return HeldTwice(records, tuple(self._shared_purchases(doubts, states)))

    def refusals(self, plan: Plan) -> Iterator[Diagnostic]:
        """Yields an error for each unreadable state when the plan releases servers that it may hold, too."""
        released = [change for change in plan.changes if change.action in _RELEASING and not change.let_go]
        if not released:
            return
        more = f" and {len(released) - 1} more" if len(released) > 1 else ""
        records = [change.recorded for change in released if change.recorded is not None]
        for finding in self.unread_errors(id_tokens(one for each in records for one in (each.id, each.order_id))):
            summary = (
                f"{finding.summary}, and may hold a server that this plan would release: {released[0].address}{more}"
            )
            hint = f"{finding.hint}; if you know that it holds none of them: --allow unread-sibling"
            yield replace(finding, summary=summary, hint=hint)

    def unread_errors(self, tokens: Collection[str]) -> Iterator[Diagnostic]:
        """Yields an error for each state of `unread`."""
        for label, reason in self.unread(tokens).items():
            hint = f"repair {label} first (run `provisioner state rebuild` in its environment, or use the version of this tool that wrote it), or move its files to another folder; nobody then manages its servers, until they are imported or the files are back"
            yield error("unread-sibling", f"the state {label} cannot be read", detail=reason, hint=hint)

    def _siblings_of(self, rows: Sequence[Live]) -> Siblings:
        return self.store.siblings(row_tokens(rows)) if rows else Siblings({}, {})

    def _claims(self, rows: Sequence[Live], siblings: Siblings, *, readable_only: bool = False) -> dict[str, str]:
        claimed: dict[str, str] = {}
        for label, state in siblings.states.items():
            held = _ids(state)
            for row in rows:
                if not held.isdisjoint({row.id, row.order_id} - {None}):
                    claimed[row.id] = f"is recorded in the state {label}"
                elif row.id not in claimed and (address := self._purchase_in_doubt(row, state)) is not None:
                    claimed[row.id] = f"may be the purchase in doubt of {address} in the state {label}"
        lets_pass = readable_only or Allowance.UNREAD_SIBLING in self.allowed
        for label, reason in () if lets_pass else siblings.unread.items():
            for row in rows:
                claimed.setdefault(row.id, f"may be held by the state {label}, which cannot be read ({reason})")
        return claimed

    def _shared_purchases(self, doubts: Iterable[Intent], states: Mapping[str, State]) -> Iterator[SharedPurchase]:
        for label, state in states.items():
            others = state.purchases_in_doubt if state.identity == self.identity else ()
            for intent, other in product(doubts, others):
                known = {shared_spelling(name) for name in (other.name, *other.names)}
                shared = next((one for one in (*intent.names, intent.name) if shared_spelling(one) in known), None)
                if intent.kind == other.kind and shared is not None:
                    yield SharedPurchase(intent, shared, other, label)

    def _purchase_in_doubt(self, row: Live, state: State) -> str | None:
        if state.identity != self.identity:
            return None
        kind = self.catalogue[row.kind]
        return next(
            (intent.address_list for intent in state.purchases_in_doubt if may_have_bought(intent, row, kind)), None
        )


def _ids(state: State) -> frozenset[str]:
    records = state.resources.values()
    return frozenset(one for recorded in records for one in (recorded.id, recorded.order_id) if one is not None)
