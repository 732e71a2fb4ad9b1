"""Makes sure that an id belongs to one address only: an id in an answer is believed only if no other address has it.

A journal that records one id for two addresses could never be read as a state again, so ids are checked before anything
is written. An order belongs to one address, or to all addresses whose servers it bought.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from provisioner.model.address import Address
from provisioner.model.flow import CallFailed, Outcome
from provisioner.model.resource import Live, Recorded
from provisioner.model.shared_orders import assign_servers


class IdRegistry:
    """Holds which address has which server id and order id. No server has the id of an order, because the cloud makes
    all of them unique.
    """

    def __init__(self, recorded: Iterable[Recorded]) -> None:
        self._owners: defaultdict[str, set[Address]] = defaultdict(set)
        self._unassigned: defaultdict[str, dict[Address, str]] = defaultdict(dict)
        """By order: the addresses whose servers are not known yet, with the names that these servers are to have."""
        for record in recorded:
            for identifier in filter(None, (record.id, record.order_id)):
                self._owners[identifier].add(record.address)
            if record.order_id is not None and record.id is None:
                self._unassigned[record.order_id][record.address] = record.name

    def register(self, address: Address, *identifiers: str | None) -> None:
        """Registers ids for an address. Raises CallFailed(UNKNOWN), and registers none, if another address has one of
        them.
        """
        given = [identifier for identifier in identifiers if identifier is not None]
        for identifier in given:
            self._require_free(identifier, address)
        for identifier in given:
            self._owners[identifier].add(address)

    def register_order(self, names: Mapping[str, Address], order_id: str) -> None:
        """Registers one order for several addresses, given by the names of their servers. Raises CallFailed(UNKNOWN) if
        another address has it.
        """
        for address in names.values():
            self._require_free(order_id, address)
        self._owners[order_id].update(names.values())
        self._unassigned[order_id] |= {address: name for name, address in names.items()}

    def unregister(self, address: Address, *identifiers: str | None) -> None:
        """Takes back ids that an answer named and that turn out not to belong to the address."""
        for identifier in identifiers:
            self._owners[identifier or ""].discard(address)

    def are_free(self, *identifiers: str | None) -> bool:
        """Whether no address has any of these ids."""
        return not any(self._owners.get(identifier) for identifier in identifiers if identifier is not None)

    def assign_row(self, address: Address, rows: Sequence[Live]) -> Live | None:
        """Returns which of the rows of an order belongs to the address, and registers it so that no other address gets
        it. None: no row does yet.
        """
        if (own := next((row for row in rows if address in self._owners.get(row.id, ())), None)) is not None:
            return own
        free = [row for row in rows if self.are_free(row.id)]
        waiting = self._unassigned[free[0].order_id or ""] if free else {}
        if address not in waiting:
            return None if waiting else next(iter(free), None)
        if (chosen := assign_servers(waiting, free).get(address)) is not None:
            self.register(address, chosen.id)
            del waiting[address]
        return chosen

    def _require_free(self, identifier: str, address: Address) -> None:
        owners = self._owners.get(identifier)
        if owners and address not in owners:
            raise CallFailed(Outcome.UNKNOWN, f"the cloud answered with {identifier}, which belongs to {min(owners)}")
