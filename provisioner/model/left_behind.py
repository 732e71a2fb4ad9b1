"""What the releases of a history have left with the cloud, which bills it on. Pure.

The journal notes it with each release. For the releases of older versions it is worked out from what they had recorded of the
server until then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from provisioner.model.address import Address
from provisioner.model.history import HistoryEntry
from provisioner.model.identity import Identity
from provisioner.model.journal import RELEASED, Forgotten
from provisioner.model.kind import Catalogue
from provisioner.model.leftover import Leftover
from provisioner.model.replay import replay
from provisioner.model.resource import Recorded
from provisioner.model.state import State

_NOBODY = Identity("", "", "")


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """What is left of one server. `time` is when it was released, in milliseconds since the epoch."""

    time: int
    address: Address
    server: str | None
    leftovers: tuple[Leftover, ...]


def left_behind(history: Sequence[HistoryEntry], catalogue: Catalogue) -> Iterator[LeftBehind]:
    """Yields what is left of each released server, in the order of the releases."""
    records = _Records() if any(_is_unnoted(line) for line in history) else None
    for line in history:
        if isinstance(line.entry, Forgotten):
            left = line.entry.leftovers
            if records is not None and _is_unnoted(line):
                left = records.leftovers(line.entry.address, catalogue)
            if left:
                yield LeftBehind(line.record.time, line.entry.address, line.entry.id, left)
        if records is not None:
            records.apply(line)


def _is_unnoted(line: HistoryEntry) -> bool:
    entry = line.entry
    return isinstance(entry, Forgotten) and entry.reason == RELEASED and entry.leftovers is None


@dataclass(slots=True)
class _Records:
    """The records at each point of a history. Each entry is replayed onto those that it is about, so that the time is
    linear.
    """

    _known: dict[Address, Recorded] = field(default_factory=dict)

    def apply(self, line: HistoryEntry) -> None:
        """Follows one entry. One that contradicts what came before it is passed over: history can be read all the same."""
        held = {address: self._known.pop(address) for address in line.addresses if address in self._known}
        intents = {line.intent.id: line.intent} if line.intent is not None else {}
        state = State("", None, "", 0, _NOBODY, resources=held, intents=intents)
        try:
            self._known |= replay(state, [line.entry]).resources
        except ValueError:
            self._known |= held

    def leftovers(self, address: Address, catalogue: Catalogue) -> tuple[Leftover, ...]:
        recorded = self._known.get(address)
        return () if recorded is None else catalogue[recorded.kind].leftovers(recorded, None)
