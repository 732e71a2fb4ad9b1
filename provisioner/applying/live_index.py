"""Questions about the servers that were listed when a run began: who bears a name, and what an order has bought."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from functools import cached_property

from provisioner.model.action import Action
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.marker import shorten, strip_marker
from provisioner.model.plan import Plan
from provisioner.model.resource import Live, Recorded
from provisioner.model.shared_orders import find_by_order, find_unseen


class NameIndex:
    """`owned` are the ids of the servers that are recorded under some address of the state, whose `lineage` marks what it buys."""

    def __init__(self, rows: Iterable[Live], owned: Container[str], lineage: str) -> None:
        self._owned = owned
        self._by_name: defaultdict[tuple[str, str], list[Live]] = defaultdict(list)
        self._by_base: defaultdict[tuple[str, str], list[Live]] = defaultdict(list)
        """Rows whose names carry a marker of this state, by their kind and what stands before it."""
        for row in rows:
            self._by_name[row.kind, row.name].append(row)
            if (base := strip_marker(row.name, lineage=lineage)) is not None:
                self._by_base[row.kind, base].append(row)

    def namesakes(self, name: str, kind: Kind) -> list[Live]:
        """Returns the resources of this kind that have this name."""
        return self._by_name.get((kind.name, name), [])

    def stranger(self, name: str, kind: Kind) -> Live | None:
        """Returns a resource of this kind that no address owns and that has the name, or was bought from this state to have it."""
        base = shorten(name, longest=kind.longest_name)
        bearers = (*self.namesakes(name, kind), *self._by_base.get((kind.name, base), ()))
        return next((row for row in bearers if row.id not in self._owned), None)


class OrderIndex:
    """Knows what ends with an order that this plan ends, and what of it the plan does not release."""

    def __init__(self, plan: Plan, live: Mapping[str, Live], catalogue: Catalogue) -> None:
        self._plan = plan
        self._live = live
        self._catalogue = catalogue

    def companions(self, recorded: Recorded) -> list[Live]:
        """Returns what the same order has bought and this plan does not release, as it was when the run began."""
        if recorded.order_id is None:
            return []
        return [
            row
            for row in self._by_order.get(recorded.order_id, ())
            if row.id not in self._leaving | {recorded.id} and not self._is_releasing(row)
        ]

    def not_leaving(self, identifier: str | None, bought: Iterable[str]) -> tuple[list[str], list[str]]:
        """Returns what this plan does not release of what an order has bought: the ids that are listed, then those that are not."""
        rest = [each for each in bought if each not in self._leaving | {identifier}]
        listed = [row for each in rest if (row := self._live.get(each)) is not None]
        staying = [row.id for row in listed if not self._is_releasing(row)]
        return staying, [each for each in rest if each not in self._live]

    def awaited_of(self, order_id: str) -> int:
        """Returns how many servers of an order this plan releases without knowing an id: each is one that no list shows."""
        return sum(record.order_id == order_id for record in find_unseen(self._released, self._live.values()))

    def _is_releasing(self, row: Live) -> bool:
        return row.status in self._catalogue[row.kind].statuses.releasing

    @cached_property
    def _by_order(self) -> Mapping[str, list[Live]]:
        by_order: dict[str, list[Live]] = {}
        for row in self._live.values():
            if row.order_id is not None:
                by_order.setdefault(row.order_id, []).append(row)
        return by_order

    @cached_property
    def _leaving(self) -> frozenset[str | None]:
        """Ids; where only an order is recorded, the row that is assigned to it."""
        addresses = {record.address for record in self._released}
        records = [change.recorded for change in self._plan.changes if change.recorded is not None]
        assigned = find_by_order(records, self._live.values())
        ids = {record.id for record in self._released}
        return frozenset(ids | {row.id for address, row in assigned.items() if address in addresses})

    @cached_property
    def _released(self) -> tuple[Recorded, ...]:
        going = {Action.DELETE, Action.REPLACE, Action.FORGET}
        leaving = (change for change in self._plan.changes if change.action in going and not change.let_go)
        return tuple(change.recorded for change in leaving if change.recorded is not None)
