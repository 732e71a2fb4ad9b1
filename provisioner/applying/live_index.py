"""Indexes the servers that were listed when a run began: by name, and by the order that bought them."""

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
    """Finds servers by name. `owned` are the ids that are recorded under some address of the state. Its `lineage` is in
    the markers of what it buys.
    """

    def __init__(self, rows: Iterable[Live], owned: Container[str], lineage: str) -> None:
        self._owned = owned
        self._by_name: defaultdict[tuple[str, str], list[Live]] = defaultdict(list)
        self._by_base: defaultdict[tuple[str, str], list[Live]] = defaultdict(list)
        """The rows whose names carry a marker of this state, by their kind and the name before the marker."""
        for row in rows:
            self._by_name[row.kind, row.name].append(row)
            if (base := strip_marker(row.name, lineage=lineage)) is not None:
                self._by_base[row.kind, base].append(row)

    def namesakes(self, name: str, kind: Kind) -> list[Live]:
        """Returns the resources of this kind that have this name."""
        return self._by_name.get((kind.name, name), [])

    def unowned_holder(self, name: str, kind: Kind) -> Live | None:
        """Returns a resource of this kind that no address owns and that has the name, or that was bought from this
        state to have it.
        """
        base = shorten(name, longest=kind.longest_name)
        holders = (*self.namesakes(name, kind), *self._by_base.get((kind.name, base), ()))
        return next((row for row in holders if row.id not in self._owned), None)


class OrderIndex:
    """Finds the servers of an order that the plan would end without releasing them itself."""

    def __init__(self, plan: Plan, live: Mapping[str, Live], catalogue: Catalogue) -> None:
        self._plan = plan
        self._live = live
        self._catalogue = catalogue

    def kept_with(self, recorded: Recorded) -> list[Live]:
        """Returns the other servers of the record's order that the plan keeps, as they were listed when
        the run began.
        """
        if recorded.order_id is None:
            return []
        return [
            row
            for row in self._by_order.get(recorded.order_id, ())
            if row.id not in self._released_ids | {recorded.id} and not self._is_releasing(row)
        ]

    def kept_among(self, identifier: str | None, bought: Iterable[str]) -> tuple[list[str], list[str]]:
        """Returns the ids among those that an order has `bought` that the plan keeps, without `identifier`: first those
        that are listed, then those that are not.
        """
        rest = [each for each in bought if each not in self._released_ids | {identifier}]
        listed = [row for each in rest if (row := self._live.get(each)) is not None]
        kept = [row.id for row in listed if not self._is_releasing(row)]
        return kept, [each for each in rest if each not in self._live]

    def count_unseen(self, order_id: str) -> int:
        """Returns how many servers of the order the plan releases without knowing their ids, because no list shows
        them.
        """
        return sum(record.order_id == order_id for record in find_unseen(self._released_records, self._live.values()))

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
    def _released_ids(self) -> frozenset[str | None]:
        """The ids of the servers that the plan releases. If only an order is recorded, the id of the row that is
        assigned to the record.
        """
        addresses = {record.address for record in self._released_records}
        records = [change.recorded for change in self._plan.changes if change.recorded is not None]
        assigned = find_by_order(records, self._live.values())
        ids = {record.id for record in self._released_records}
        return frozenset(ids | {row.id for address, row in assigned.items() if address in addresses})

    @cached_property
    def _released_records(self) -> tuple[Recorded, ...]:
        actions = {Action.DELETE, Action.REPLACE, Action.FORGET}
        releases = (change for change in self._plan.changes if change.action in actions and not change.let_go)
        return tuple(change.recorded for change in releases if change.recorded is not None)
