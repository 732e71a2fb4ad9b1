"""What a command that plans was asked for."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.model.address import Address
from provisioner.model.guarding import Allowance
from provisioner.model.plan import Mode
from provisioner.model.selection import EVERYTHING, Selection


@dataclass(frozen=True, slots=True)
class PlanRequest:
    mode: Mode = Mode.APPLY
    replace: frozenset[Address] = frozenset()
    allow: frozenset[Allowance] = frozenset()
    selection: Selection = EVERYTHING
    closely: bool = False
    """Asked for what no list shows as well, server by server."""
    reinstall: frozenset[Address] = frozenset()
