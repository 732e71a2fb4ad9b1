"""What a rebuilt state would hold: one row for each address, with a confidence and a reason.

Inert: nothing here reads a file, asks the cloud or writes. It also has the rows that the state would omit, because
people must know about them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from provisioner.model.address import Address
from provisioner.model.resource import Live, Recorded
from provisioner.model.state import Intent


class Confidence(StrEnum):
    CERTAIN = "certain"
    """Recorded, and the cloud shows it under its name."""
    RECORDED = "recorded"
    """Recorded, and the cloud does not confirm it. Kept unchanged, so that a plan can report it."""
    LIKELY = "likely"
    """No longer recorded, and the only server of the wanted name fits the specs in all that the cloud shows."""
    IN_DOUBT = "in_doubt"
    """A call of unknown outcome. Kept open."""
    AMBIGUOUS = "ambiguous"
    """Several servers may be it. Omitted."""
    UNKNOWN = "unknown"
    """A server has the wanted name, or a stray record names it, but nothing shows that it is this one. Omitted."""
    ALIKE = "alike"
    """No server has the wanted name, and one has a different name that reads the same. Omitted."""


@dataclass(frozen=True, slots=True)
class Row:
    """One address of the proposal. `recorded` or `intent` is what the state would hold; both are None if it omits the
    address.

    `by_specs`: what was sent with the purchase is no longer known, and is assumed to be what the specs say today.
    """

    address: Address
    confidence: Confidence
    reason: str
    name: str = ""
    recorded: Recorded | None = None
    intent: Intent | None = None
    candidates: tuple[Live, ...] = ()
    by_specs: bool = False

    @property
    def is_kept(self) -> bool:
        return self.recorded is not None or self.intent is not None


@dataclass(frozen=True, slots=True)
class Proposal:
    """The proposal. `rows` are sorted by address; `unclaimed` are the live servers that no row is about. `absent` are
    the purchases that were presumed never carried out. They have no rows, because their addresses may hold other
    servers now, and are kept so that a server that appears late is recognised as ours.
    """

    rows: tuple[Row, ...]
    unclaimed: tuple[Live, ...]
    absent: tuple[Intent, ...] = ()
