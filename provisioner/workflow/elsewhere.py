"""What the other states kept at the same place hold, so that no server comes to stand in two of them.

Two states that hold one server would each release it under the other. Whoever buys from there at this moment has noted it before
anything was sent, so that this is asked after the cloud was read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from provisioner.model.doubt import may_be
from provisioner.model.identity import Identity
from provisioner.model.kind import Catalogue
from provisioner.model.resource import Live
from provisioner.model.state import State
from provisioner.store import Store


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """`identity` is the account that the servers were read as: a doubt of another one is about other servers."""

    store: Store
    catalogue: Catalogue
    identity: Identity

    def holders(self) -> dict[str, str]:
        """By id and by order: the other state that holds it."""
        return {identifier: label for label, state in self.store.neighbours().items() for identifier in _ids(state)}

    def __call__(self, rows: Iterable[Live]) -> dict[str, str]:
        """By id, those of `rows` that are not to be taken, and why, as the rest of a sentence."""
        rows = tuple(rows)
        claimed: dict[str, str] = {}
        for label, state in self.store.neighbours().items() if rows else ():
            held = _ids(state)
            for row in rows:
                if not held.isdisjoint({row.id, row.order_id} - {None}):
                    claimed[row.id] = f"is recorded in the state {label}"
                elif row.id not in claimed and (address := self._sought(row, state)) is not None:
                    claimed[row.id] = f"may be the purchase in doubt of {address} in the state {label}"
        return claimed

    def _sought(self, row: Live, state: State) -> str | None:
        if state.identity != self.identity:
            return None
        kind = self.catalogue[row.kind]
        return next((intent.whose for intent in state.purchases_in_doubt if may_be(intent, row, kind)), None)


def _ids(state: State) -> frozenset[str]:
    records = state.resources.values()
    return frozenset(one for recorded in records for one in (recorded.id, recorded.order_id) if one is not None)
