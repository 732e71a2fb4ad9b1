"""What specs say of records instead of servers: take this server over, call it by another address, let it go.

None of it sends anything: it changes who holds a server, never the server. Whether it can be done is planning's to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from provisioner.model.address import Address
from provisioner.model.diagnostic import SourceRange
from provisioner.model.resource_id import HasId


@dataclass(frozen=True, slots=True)
class Import(HasId):
    """The server of this id, which exists, is that of the address."""

    address: Address
    id: str
    source: SourceRange | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """What `origin` holds is that of `address`. Addresses without a key stand for all of their group, too."""

    origin: Address
    address: Address
    source: SourceRange | None = None


@dataclass(frozen=True, slots=True)
class Removal:
    """What the address, or its group, holds is forgotten and not released."""

    address: Address
    source: SourceRange | None = None


@dataclass(frozen=True, slots=True)
class Refactoring:
    imports: tuple[Import, ...] = ()
    moves: tuple[Move, ...] = ()
    removals: tuple[Removal, ...] = ()


NO_REFACTORING: Final = Refactoring()
