"""One id, one address: what the cloud answers is believed only when nobody else holds it.

A journal that records one id for two addresses could never be read as a state again, so this is asked before anything is
written, not after. An order is held by one address, or by all whose servers it bought.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from provisioner.model.address import Address
from provisioner.model.flow import CallFailed, Outcome
from provisioner.model.resource import Live, Recorded
from provisioner.model.shared_orders import assign_servers


class IdRegistry:
    """Knows which address holds which id and order id. No id is the id of an order, because the cloud makes both unique."""

    def __init__(self, recorded: Iterable[Recorded]) -> None:
        self._owners: defaultdict[str, set[Address]] = defaultdict(set)
        self._without_server: defaultdict[str, dict[Address, str]] = defaultdict(dict)
        """By order: whose servers are not known yet, and what they are to be called."""
        for record in recorded:
            for identifier in filter(None, (record.id, record.order_id)):
                self._owners[identifier].add(record.address)
            if record.order_id is not None and record.id is None:
                self._without_server[record.order_id][record.address] = record.name

    def take(self, address: Address, *identifiers: str | None) -> None:
        """Registers ids for an address. Raises CallFailed(UNKNOWN), and registers none, when another address holds one of them."""
        given = [identifier for identifier in identifiers if identifier is not None]
        for identifier in given:
            self._require(identifier, address)
        for identifier in given:
            self._owners[identifier].add(address)

    def take_together(self, names: Mapping[str, Address], order_id: str) -> None:
        """Registers one order for several addresses, given by their names. Raises CallFailed(UNKNOWN) when another address holds it."""
        for address in names.values():
            self._require(order_id, address)
        self._owners[order_id].update(names.values())
        self._without_server[order_id] |= {address: name for name, address in names.items()}

    def give_back(self, address: Address, *identifiers: str | None) -> None:
        """What an answer named, and is not the address's after all."""
        for identifier in identifiers:
            self._owners[identifier or ""].discard(address)

    def are_free(self, *identifiers: str | None) -> bool:
        """Whether no address holds any of them."""
        return not any(self._owners.get(identifier) for identifier in identifiers if identifier is not None)

    def choose(self, address: Address, rows: Sequence[Live]) -> Live | None:
        """Returns the row of an order that belongs to the address, and registers it, so that no other address is given it."""
        if (own := next((row for row in rows if address in self._owners.get(row.id, ())), None)) is not None:
            return own
        free = [row for row in rows if self.are_free(row.id)]
        waiting = self._without_server[free[0].order_id or ""] if free else {}
        if address not in waiting:
            return None if waiting else next(iter(free), None)
        if (chosen := assign_servers(waiting, free).get(address)) is not None:
            self.take(address, chosen.id)
            del waiting[address]
        return chosen

    def _require(self, identifier: str, address: Address) -> None:
        owners = self._owners.get(identifier)
        if owners and address not in owners:
            raise CallFailed(Outcome.UNKNOWN, f"the cloud answered with {identifier}, which is that of {min(owners)}")
