"""Reads what the other states at the same place hold, so that no server comes to stand in two of them.

Two states that hold one server would each release it under the other. Whoever buys from there at this moment has noted it before
anything was sent, so that this is asked after the cloud was read. A state that cannot be read may hold anything (docs/decisions/0013).
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
    """`identity` is the account that the servers were read as: a doubt of another one is about other servers. `allowed`: what a person
    lets pass for this one run.
    """

    store: StateStore
    catalogue: Catalogue
    identity: Identity
    allowed: frozenset[Allowance] = frozenset()

    def holders(self) -> dict[str, str]:
        """By id and by order: the other state that holds it."""
        states = self.store.siblings().states
        return {identifier: label for label, state in states.items() for identifier in _ids(state)}

    def orders(self) -> frozenset[str]:
        """Those that other states know."""
        records = (one for state in self.store.siblings().states.values() for one in state.resources.values())
        return frozenset(one.order_id for one in records if one.order_id is not None)

    def unread(self) -> Mapping[str, str]:
        """The other states that cannot be read, by name, and why; none where a person lets that pass."""
        return {} if Allowance.UNREAD_SIBLING in self.allowed else self.store.siblings().unread

    def __call__(self, rows: Iterable[Live], *, readable_only: bool = False) -> dict[str, str]:
        """By id, those of `rows` that are not to be taken, and why, as the rest of a sentence. With `readable_only`, a state that cannot be
        read claims nothing.
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
                elif row.id not in claimed and (address := self._sought(row, state)) is not None:
                    claimed[row.id] = f"may be the purchase in doubt of {address} in the state {label}"
        lets_pass = readable_only or Allowance.UNREAD_SIBLING in self.allowed
        for label, reason in () if lets_pass else siblings.unread.items():
            for row in rows:
                claimed.setdefault(row.id, f"may be held by the state {label}, which cannot be read ({reason})")
        return claimed

    def refusals(self, plan: Plan) -> Iterator[Diagnostic]:
        """Of a plan that would release what a state that cannot be read may hold as well."""
        released = [change for change in plan.changes if change.action in _RELEASING and not change.let_go]
        if not released:
            return
        more = f" and {len(released) - 1} more" if len(released) > 1 else ""
        for finding in self.unreadable():
            summary = f"{finding.summary}, and may hold what this plan would release: {released[0].address}{more}"
            hint = f"{finding.hint}; where you know that it holds none of them: --allow unread-sibling"
            yield replace(finding, summary=summary, hint=hint)

    def unreadable(self) -> Iterator[Diagnostic]:
        """Of every such state."""
        for label, reason in self.unread().items():
            hint = (
                f"mend {label} first (`provisioner state rebuild` in its environment, or the version of this tool that wrote it), or "
                "move its files to another folder: what it holds is then managed by nobody, until it is imported or the files are back"
            )
            yield error("unread-sibling", f"the state {label} cannot be read", detail=reason, hint=hint)

    def _sought(self, row: Live, state: State) -> str | None:
        if state.identity != self.identity:
            return None
        kind = self.catalogue[row.kind]
        return next(
            (intent.address_list for intent in state.purchases_in_doubt if may_have_bought(intent, row, kind)), None
        )


def _ids(state: State) -> frozenset[str]:
    records = state.resources.values()
    return frozenset(one for recorded in records for one in (recorded.id, recorded.order_id) if one is not None)
