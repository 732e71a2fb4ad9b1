"""What a run knows of one address at this moment, and how sure it is: written by whoever learns it, read when the way ends.

It decides nothing. What is to outlast the run is in the journal; this is only what the run has of it in hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from provisioner.model.address import Address
from provisioner.model.canonical import JsonObject
from provisioner.model.resource import Phase, Recorded
from provisioner.model.state import Intent


@dataclass(slots=True)
class Standing:
    recorded: Recorded | None = None
    """What the flow starts from: None for a purchase, also for one that replaces."""
    declared: JsonObject = field(default_factory=dict)
    observed: JsonObject = field(default_factory=dict)
    """What was shown of it, now or before: what one row leaves out tells nothing."""
    refused: JsonObject = field(default_factory=dict)
    """What the cloud refuses for it for good, by field."""
    identifier: str | None = None
    order_id: str | None = None
    under_way: bool = False
    """The cloud has, or may have, something to finish that this run or an earlier one asked for."""
    unrecorded: bool = False
    """Bought, and the ids are not yet known to be on disk."""
    doubt: Intent | None = None
    """The purchase whose outcome is not known."""
    unsettled: Intent | None = None
    """The last call of this run, other than a purchase, that got no usable answer and is left for the next run to settle."""
    bought: tuple[Recorded, ...] = ()
    """What its purchase has become, of every address that it was for."""

    @classmethod
    def of(cls, recorded: Recorded | None) -> Standing:
        if recorded is None:
            return cls()
        return cls(
            recorded=recorded,
            declared=recorded.declared,
            observed=recorded.observed,
            refused=recorded.refused,
            identifier=recorded.id,
            order_id=recorded.order_id,
            under_way=recorded.phase not in {Phase.READY, Phase.FAILED} or bool(recorded.pending),
        )

    def learn(self, recorded: Recorded) -> None:
        """Its purchase has become known."""
        self.declared, self.identifier, self.order_id = recorded.declared, recorded.id, recorded.order_id
        self.under_way, self.doubt = True, None

    def share(self, other: Standing, address: Address) -> None:
        """What a call came to that `other` made for this address, too."""
        if (mine := next((one for one in other.bought if one.address == address), None)) is not None:
            self.learn(mine)
        self.under_way, self.unrecorded, self.doubt = other.under_way, other.unrecorded, other.doubt

    @property
    def is_something(self) -> bool:
        """Something is bought, or may be."""
        return bool(self.identifier or self.order_id or self.doubt or self.under_way or self.unrecorded)

    @property
    def seen(self) -> bool:
        """Some list has shown it, now or before."""
        return bool(self.observed)

    @property
    def ids(self) -> str:
        """For people: " (id ..., order ...)", or nothing."""
        known = [f"id {self.identifier}" if self.identifier else "", f"order {self.order_id}" if self.order_id else ""]
        told = ", ".join(filter(None, known))
        return f" ({told})" if told else ""
