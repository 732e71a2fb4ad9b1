"""What is under way in the cloud and no run waits for: servers that are ordered, built, reinstalled or released."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from provisioner.model.address import Address
from provisioner.model.history import HistoryRecord
from provisioner.model.journal import Adopted, Imported, Intended
from provisioner.model.state import Intent


class ServerStage(StrEnum):
    """Where a server stands. The last three are over in the cloud, and the next apply records them."""

    ORDERED = "ordered"
    AWAITING_PAYMENT = "awaiting_payment"
    """A person has to pay its order, or to approve it."""
    BUILDING = "building"
    REINSTALLING = "reinstalling"
    RELEASING = "releasing"
    UNFINISHED = "unfinished"
    """A change in place is half done, and only apply goes on with it."""
    UNSETTLED = "unsettled"
    """The outcome of a call is not known that was no purchase."""
    IN_DOUBT = "in_doubt"
    """The outcome of a purchase is not known."""
    FAILED = "failed"
    READY = "ready"
    RELEASED = "released"


AWAITED: Final = frozenset({ServerStage.ORDERED, ServerStage.BUILDING, ServerStage.REINSTALLING, ServerStage.RELEASING})
"""The stages that end by themselves, so that waiting makes sense."""
OVER: Final = frozenset({ServerStage.READY, ServerStage.RELEASED})
"""The stages in which nothing is under way any more, and nothing has gone wrong."""


@dataclass(frozen=True, slots=True)
class ServerUnderWay:
    """A server that is recorded as under way. `since` is when the last call about it was sent, in milliseconds since the
    epoch; None: the journal does not say. `status` is what the cloud shows, and empty where it was not asked.
    """

    address: Address
    stage: ServerStage
    since: int | None = None
    id: str | None = None
    order_id: str | None = None
    status: str = ""


@dataclass(slots=True)
class CallTimes:
    """When the last call about each address was sent, from the records of the journal, in their order."""

    times: dict[Address, int] = field(default_factory=dict)
    _intents: dict[str, Intent] = field(default_factory=dict)

    def note(self, records: Iterable[HistoryRecord]) -> None:
        for record in records:
            match record.entry:
                case Intended(intent=intent) if intent.unknown_since is None:
                    self._intents[intent.id] = intent
                    self.times |= dict.fromkeys(intent.addresses, record.time)
                case Adopted(intent=key) if (found := self._intents.get(key)) is not None:
                    self.times |= {one: self.times.get(one, record.time) for one in found.addresses}
                case Imported(address=address):
                    self.times[address] = record.time
                case _:
                    pass
