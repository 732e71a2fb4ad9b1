"""Reads which servers the other states in the same place hold, so that no server is recorded in two states.

Of two states that record one server, either could release it while the other still uses it. Another run journals a
purchase before it sends it, so these states are read after the cloud. A state that cannot be read may hold anything
(docs/decisions/0013).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from provisioner.model.action import Action
from provisioner.model.diagnostic import Diagnostic, error
from provisioner.model.doubt import may_have_bought
from provisioner.model.guards import Allowance
from provisioner.model.identity import Identity
from provisioner.model.kind import Catalogue
from provisioner.model.plan import Plan
from provisioner.model.resource import Live
from provisioner.model.state import State
from provisioner.store import StateStore

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

    def holders(self) -> dict[str, str]:
        """Returns the name of the state that records a server or an order, by server id and by order id."""
        states = self.store.siblings().states
        return {identifier: label for label, state in states.items() for identifier in _ids(state)}

    def orders(self) -> frozenset[str]:
        """Returns the order ids that other states record."""
        records = (one for state in self.store.siblings().states.values() for one in state.resources.values())
        return frozenset(one.order_id for one in records if one.order_id is not None)

    def unread(self) -> Mapping[str, str]:
        """Returns the reason by name for each other state that cannot be read; empty when a person has allowed that."""
        return {} if Allowance.UNREAD_SIBLING in self.allowed else self.store.siblings().unread

    def __call__(self, rows: Iterable[Live], *, readable_only: bool = False) -> dict[str, str]:
        """Returns the ids of the `rows` that must not be adopted, each with the reason as the end of a sentence.

        With `readable_only`, a state that cannot be read claims nothing.
        """
        rows = tuple(rows)
        if not rows:
            return {}
        siblings = self.store.siblings()
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

    def unsure(self, claims: Mapping[str, str], live: Mapping[str, Live]) -> frozenset[str]:
        """Returns the ids that are claimed only because some state cannot be read."""
        if not claims or not self.unread():
            return frozenset()
        return frozenset(claims.keys() - self([live[one] for one in claims], readable_only=True).keys())

    def refusals(self, plan: Plan) -> Iterator[Diagnostic]:
        """Yields an error for each unreadable state when the plan releases servers, as that state may hold them too."""
        released = [change for change in plan.changes if change.action in _RELEASING and not change.let_go]
        if not released:
            return
        more = f" and {len(released) - 1} more" if len(released) > 1 else ""
        for finding in self.unread_errors():
            summary = (
                f"{finding.summary}, and may hold a server that this plan would release: {released[0].address}{more}"
            )
            hint = f"{finding.hint}; if you know that it holds none of them: --allow unread-sibling"
            yield replace(finding, summary=summary, hint=hint)

    def unread_errors(self) -> Iterator[Diagnostic]:
        """Yields an error for each state that cannot be read."""
        for label, reason in self.unread().items():
            hint = f"repair {label} first (run `provisioner state rebuild` in its environment, or use the version of this tool that wrote it), or move its files to another folder; nobody then manages its servers, until they are imported or the files are back"
            yield error("unread-sibling", f"the state {label} cannot be read", detail=reason, hint=hint)

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
