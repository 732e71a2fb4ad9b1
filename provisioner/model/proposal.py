"""What a state would hold after it was put together again: a row an address, each with how sure it is and why.

Inert: nothing here reads a file, asks the cloud or writes. Rows that are left out stand here too, because a person has to
know of them.
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
    """Recorded, and the cloud does not confirm it. Kept as it was, so that a plan can say so."""
    LIKELY = "likely"
    """Not recorded any more; the one server of the wanted name fits the specs in everything that the cloud shows."""
    IN_DOUBT = "in_doubt"
    """A call whose outcome was not known. Kept open."""
    AMBIGUOUS = "ambiguous"
    """Several servers could be it. Left out."""
    UNKNOWN = "unknown"
    """A server bears the wanted name, or is named by a stray record, and nothing shows that it is this one. Left out."""
    ALIKE = "alike"
    """No server bears the wanted name, and one has a name that reads the same and is another. Left out."""


@dataclass(frozen=True, slots=True)
class Row:
    """`recorded` or `intent` is what the state would hold; neither, when the address is left out.

    `by_specs`: what was sent when it was bought is not known any more, and taken to be what the specs say today.
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
    """`rows` by address. `unclaimed` are live servers that no row is about. `absent` are purchases that were believed never to
    have been carried out: of no row, as their address may hold another by now, and kept, so that a late one is known as ours.
    """

    rows: tuple[Row, ...]
    unclaimed: tuple[Live, ...]
    absent: tuple[Intent, ...] = ()
