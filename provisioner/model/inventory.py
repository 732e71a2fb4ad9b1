"""The servers of a stack as hosts that other tools reach, sorted by address, and their groups.

Names, ids and addresses are safe in any configuration file as they are; labels are untrusted text. This module knows no
output format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from provisioner.model.address import Address


@dataclass(frozen=True, slots=True)
class Host:
    """A host. `name` is the server's name if other tools accept it as a host name, and else its id. The `key` of its
    address is its rank in its group.
    """

    address: Address
    id: str
    name: str
    status: str | None = None
    order_id: str | None = None
    private_addresses: tuple[str, ...] = ()
    public_addresses: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    def first_address(self, *, public: bool) -> str | None:
        """Returns the first public or private IP address; None if the host has none."""
        return next(iter(self.public_addresses if public else self.private_addresses), None)


@dataclass(frozen=True, slots=True)
class UnreachableServer:
    """A recorded server, or one in doubt, that tools can't reach, and the reason."""

    address: Address
    reason: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """The inventory of a stack. `groups` are those of a `count` or `for_each`, each sorted by its indices or keys."""

    stack: str
    environment: str | None
    hosts: tuple[Host, ...]
    groups: Mapping[str, tuple[Host, ...]] = field(default_factory=dict)
    left_out: tuple[UnreachableServer, ...] = ()
