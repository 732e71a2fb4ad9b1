"""What this state and another one of the same place both hold: a value that the workflow reads and a plan shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from provisioner.model.state import Intent


@dataclass(frozen=True, slots=True)
class SharedPurchase:
    """A purchase in doubt of this state, and one of another state whose outcome is open and that has the same `name`."""

    intent: Intent
    name: str
    other: Intent
    label: str
    """The name of the other state."""


@dataclass(frozen=True, slots=True)
class HeldTwice:
    """`records` has the name of the other state by each id of a server or an order that both record."""

    records: Mapping[str, str] = field(default_factory=dict)
    purchases: tuple[SharedPurchase, ...] = ()


NOTHING_HELD_TWICE = HeldTwice()
