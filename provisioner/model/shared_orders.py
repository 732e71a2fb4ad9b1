"""Assigns the servers of an order to the addresses that share it. Pure: the same records and rows give the same
assignment.

An assignment holds only once it is journaled, and a journaled server is never assigned again (docs/decisions/0010).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from provisioner.model.address import Address
from provisioner.model.resource import Live, Recorded


def assign_servers(wanted: Mapping[Address, str], rows: Iterable[Live]) -> dict[Address, Live]:
    """Assigns a row to each address, as far as there are enough. A row goes to the address that wants its name; the
    remaining rows go to the remaining addresses, both in order. `wanted` has the wanted name of each address.
    """
    free = sorted(rows, key=lambda row: (row.name, row.id))
    assigned: dict[Address, Live] = {}
    for address in sorted(wanted):
        named = next((row for row in free if row.name == wanted[address]), None)
        if named is not None:
            assigned[address] = named
            free.remove(named)
    return assigned | dict(zip(sorted(wanted.keys() - assigned.keys()), free, strict=False))


def find_by_order(recorded: Iterable[Recorded], live: Iterable[Live]) -> dict[Address, Live]:
    """Returns the rows of the records that no list has shown yet, found by their orders, because the id in the reply to
    a purchase need not be the server's. A row whose id a record has goes to no other record.
    """
    rows, records = {row.id: row for row in live}, tuple(recorded)
    waiting: defaultdict[str, dict[Address, str]] = defaultdict(dict)
    for record in records:
        if record.order_id is not None and _is_unseen(record, rows):
            waiting[record.order_id][record.address] = record.name
    held = {record.id for record in records}
    ordered: defaultdict[str, list[Live]] = defaultdict(list)
    for row in rows.values():
        if row.order_id is not None and row.order_id in waiting and row.id not in held:
            ordered[row.order_id].append(row)
    return {
        address: row
        for order, found in ordered.items()
        for address, row in assign_servers(waiting[order], found).items()
    }


def find_unseen(recorded: Iterable[Recorded], live: Iterable[Live]) -> tuple[Recorded, ...]:
    """Returns the records of ordered servers that no list has shown yet, and for whose order no row is left either."""
    rows, records = {row.id: row for row in live}, tuple(recorded)
    found = find_by_order(records, rows.values())
    return tuple(
        record
        for record in records
        if record.order_id is not None and _is_unseen(record, rows) and record.address not in found
    )


def _is_unseen(record: Recorded, rows: Mapping[str, Live]) -> bool:
    return record.id is None or (not record.observed and record.id not in rows)


def group_by_order(recorded: Iterable[Recorded]) -> tuple[tuple[Recorded, ...], ...]:
    """Groups the records by order, which ends as a whole. A record without a known order is a group of its own."""
    groups: defaultdict[str | Address, list[Recorded]] = defaultdict(list)
    for record in recorded:
        groups[record.order_id or record.address].append(record)
    return tuple(map(tuple, groups.values()))


def find_surplus(recorded: Iterable[Recorded], live: Iterable[Live]) -> tuple[Live, ...]:
    """Returns the rows of recorded orders that no address holds or waits for, sorted by id."""
    records, rows = tuple(recorded), tuple(live)
    held = {record.id for record in records} | {row.id for row in find_by_order(records, rows).values()}
    orders = {record.order_id for record in records} - {None}
    return tuple(sorted((row for row in rows if row.order_id in orders and row.id not in held), key=lambda row: row.id))


def find_siblings(recorded: Recorded, records: Iterable[Recorded]) -> tuple[Recorded, ...]:
    """Returns the records of the other servers that are known to be of the same order."""
    if recorded.order_id is None:
        return ()
    servers = (one for one in records if one.order_id == recorded.order_id and one.id is not None)
    return tuple(one for one in servers if one.address != recorded.address)
