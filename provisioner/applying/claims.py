"""One id, one address: what the cloud answers is believed only when nobody else holds it.

A journal that records one id for two addresses could never be read as a state again, so this is asked before anything is
written, not after.
"""

from __future__ import annotations

from collections.abc import Iterable

from provisioner.model.address import Address
from provisioner.model.flow import CallFailed, Outcome
from provisioner.model.resource import Recorded


class Claims:
    """Ids and order ids of a run, by the address that holds them. They are unique over both, as the cloud makes them."""

    def __init__(self, recorded: Iterable[Recorded]) -> None:
        self._owners: dict[str, Address] = {}
        for record in recorded:
            for identifier in filter(None, (record.id, record.order_id)):
                self._owners.setdefault(identifier, record.address)

    def take(self, address: Address, *identifiers: str | None) -> None:
        """Raises CallFailed(UNKNOWN), and takes none, when another address holds one of them."""
        given = [identifier for identifier in identifiers if identifier is not None]
        for identifier in given:
            if (owner := self._owners.get(identifier, address)) != address:
                raise CallFailed(Outcome.UNKNOWN, f"the cloud answered with {identifier}, which is that of {owner}")
        self._owners |= dict.fromkeys(given, address)

    def are_free(self, *identifiers: str | None) -> bool:
        """Whether no address holds any of them."""
        return not any(identifier in self._owners for identifier in identifiers if identifier is not None)
