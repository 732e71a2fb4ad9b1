"""Defines what a plan is made from: the specs, the state and the cloud, read together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from provisioner.model.address import Address
from provisioner.model.guards import DEFAULT_LIMITS, Allowance, GuardLimits
from provisioner.model.held_twice import NOTHING_HELD_TWICE, HeldTwice
from provisioner.model.list_gap import ListGap
from provisioner.model.purchase_policy import DEFAULT_POLICY, PurchasePolicy, Trace
from provisioner.model.refactoring import NO_REFACTORING, Refactoring
from provisioner.model.release_facts import NO_RELEASE_FACTS, ReleaseFacts
from provisioner.model.resource import Desired, Live
from provisioner.model.selection import EVERYTHING, Selection
from provisioner.model.state import State
from provisioner.model.state_place import StatePlace


@dataclass(frozen=True, slots=True)
class PlanInput:
    """The inputs of a plan. A recorded id that is not in `live` is gone. `gaps` show which unrecorded servers may exist
    although they are not in `live`.
    """

    desired: tuple[Desired, ...]
    state: State | None
    live: Mapping[str, Live]
    at_work: bool = False
    """Whether another run holds the lock. Its open intents are then in flight and not in doubt."""
    replace: frozenset[Address] = field(default_factory=frozenset)
    """The addresses that a person named for replacement."""
    reinstall: frozenset[Address] = field(default_factory=frozenset)
    """The addresses that a person named for a reinstallation, where the cloud shows a system that was not declared, or
    a failed one.
    """
    policy: PurchasePolicy = DEFAULT_POLICY
    traces: Mapping[str, tuple[Trace, ...] | None] = field(default_factory=dict)
    """The orders that may be a purchase in doubt, by the id of its intent; None where billing does not show them."""
    limits: GuardLimits = DEFAULT_LIMITS
    allowed: frozenset[Allowance] = field(default_factory=frozenset)
    """The refusals that a person allowed for this one run."""
    selection: Selection = EVERYTHING
    release_facts: ReleaseFacts = NO_RELEASE_FACTS
    refactoring: Refactoring = NO_REFACTORING
    """The `imports`, `moved` and `removed` entries of the specs."""
    server_time: int | None = None
    """When the cloud was read, by its own clock, in milliseconds since the epoch; None where that is unknown."""
    local_time: int | None = None
    """When the cloud was read, by the clock of this machine; None where that clock does not agree with the cloud's."""
    claims: Mapping[str, str] = field(default_factory=dict)
    """Servers that no address here holds and another state may hold: the reason by server id, as the rest of a
    sentence.
    """
    unsure_claims: frozenset[str] = frozenset()
    """The ids in `claims` that no readable state claims: a state that cannot be read may hold them."""
    held_twice: HeldTwice = NOTHING_HELD_TWICE
    former: Mapping[str, str] = field(default_factory=dict)
    """Servers that `imports` name and that this state has held and let go since: what became of them by server id, as the
    rest of a sentence.
    """
    gaps: tuple[ListGap, ...] = ()
    reader: str = ""
    """A pseudonym of the user who read the cloud; empty where that is unknown."""
    hide: Callable[[str], str] = str
    """Removes the secrets that are known from a text that is shown."""
    place: StatePlace | None = None
    """Where the state is kept or would be; None where a missing state needs no finding."""

    assumed_protected: frozenset[Address] = frozenset()
    """Groups of which the specs do not show whether they protect their servers, for a release."""

    def live_of(self, kind: str, identifier: str) -> Live | None:
        row = self.live.get(identifier)
        return row if row is not None and row.kind == kind else None
