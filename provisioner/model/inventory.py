"""The servers of a stack as other tools reach them: hosts in the order of their addresses, and the groups they stand in.

Names, ids and addresses can be written into any configuration as they are; labels are foreign text. Knows no format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from provisioner.model.address import Address


@dataclass(frozen=True, slots=True)
class Host:
    """`name` is the server's own where other tools can take it for a host's, else its id; `key` of its address is its rank."""

    address: Address
    id: str
    name: str
    status: str | None = None
    order_id: str | None = None
    private_addresses: tuple[str, ...] = ()
    public_addresses: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    def first_address(self, *, public: bool) -> str | None:
        return next(iter(self.public_addresses if public else self.private_addresses), None)


@dataclass(frozen=True, slots=True)
class UnreachableServer:
    """A recorded or doubtful server that nothing can be told to reach, and why."""

    address: Address
    reason: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """`groups` are the counted ones and those of a `for_each`, by address, each in the order of its ranks or keys."""

    stack: str
    environment: str | None
    hosts: tuple[Host, ...]
    groups: Mapping[str, tuple[Host, ...]] = field(default_factory=dict)
    left_out: tuple[UnreachableServer, ...] = ()
