"""Refactoring blocks of specs: import a server, move it to another address, or forget it.

They change the records and never a server, so nothing is sent. `planning/` decides whether each of them is possible.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from provisioner.model.address import Address
from provisioner.model.diagnostic import SourceRange
from provisioner.model.resource_id import HasId


@dataclass(frozen=True, slots=True)
class Import(HasId):
    """Takes the existing server with this id over at the address."""

    address: Address
    id: str
    source: SourceRange | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """Moves the record of `origin` to `address`. Addresses without a key also stand for all members of their group."""

    origin: Address
    address: Address
    source: SourceRange | None = None


@dataclass(frozen=True, slots=True)
class Removal:
    """Forgets what the address, or its group, holds, without releasing it."""

    address: Address
    source: SourceRange | None = None


@dataclass(frozen=True, slots=True)
class Refactoring:
    imports: tuple[Import, ...] = ()
    moves: tuple[Move, ...] = ()
    removals: tuple[Removal, ...] = ()


NO_REFACTORING: Final = Refactoring()
