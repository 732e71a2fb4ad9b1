"""What a plan is made of: one look at the specs, the state and the cloud, taken together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from provisioner.model.address import Address
from provisioner.model.guards import DEFAULT_LIMITS, Allowance, GuardLimits
from provisioner.model.list_gap import ListGap
from provisioner.model.purchase_policy import DEFAULT_POLICY, PurchasePolicy, Trace
from provisioner.model.refactoring import NO_REFACTORING, Refactoring
from provisioner.model.release_facts import NO_RELEASE_FACTS, ReleaseFacts
from provisioner.model.resource import Desired, Live
from provisioner.model.selection import EVERYTHING, Selection
from provisioner.model.state import State


@dataclass(frozen=True, slots=True)
class PlanInput:
    """A recorded id that is not in `live` is gone. Of what is not recorded, `gaps` say what may be there and is not in it."""

    desired: tuple[Desired, ...]
    state: State | None
    live: Mapping[str, Live]
    at_work: bool = False
    """Another run holds the lock, so that open intents are in flight and not in doubt."""
    replace: frozenset[Address] = field(default_factory=frozenset)
    """Addresses that a person named for replacement."""
    reinstall: frozenset[Address] = field(default_factory=frozenset)
    """Likewise for another system on the same machine, where the cloud shows one that was not declared, or a failed one."""
    policy: PurchasePolicy = DEFAULT_POLICY
    traces: Mapping[str, tuple[Trace, ...] | None] = field(default_factory=dict)
    """Orders that may be a purchase in doubt, by its intent."""
    limits: GuardLimits = DEFAULT_LIMITS
    allowed: frozenset[Allowance] = field(default_factory=frozenset)
    """What a person allowed for this one run."""
    selection: Selection = EVERYTHING
    release_facts: ReleaseFacts = NO_RELEASE_FACTS
    refactoring: Refactoring = NO_REFACTORING
    """What the specs say of records."""
    server_time: int | None = None
    """When the cloud was looked at, in milliseconds of its time; None where that is not known."""
    local_time: int | None = None
    """The same by the clock of this machine; None where that does not go with the cloud's."""
    claims: Mapping[str, str] = field(default_factory=dict)
    """Servers that no address here holds and another state may, by their ids, and why, as the rest of a sentence."""
    unsure_claims: frozenset[str] = frozenset()
    """Those of them that no state claims: one that cannot be read may hold them."""
    gaps: tuple[ListGap, ...] = ()
    reader: str = ""
    """Whose reading of the cloud it is, by a pseudonym; empty where nobody can tell."""

    def live_of(self, kind: str, identifier: str) -> Live | None:
        row = self.live.get(identifier)
        return row if row is not None and row.kind == kind else None
