"""All that a run works with, as one value, and what can be asked of it about names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from provisioner.applying.interruption import Interruption
from provisioner.applying.ports import Clock, Cloud, Ledger, Secrets
from provisioner.model.address import Address
from provisioner.model.change import Plan
from provisioner.model.event import Listener
from provisioner.model.kind import Catalogue
from provisioner.model.purchasing import DEFAULT_POLICY, PurchasePolicy
from provisioner.model.resource import Live
from provisioner.model.state import Intent


@dataclass(frozen=True)
class Execution:
    """`live` is the one complete read at its start; `who` is written into every intent; `ahead` is what that read told of the
    cloud's clock: milliseconds by which it is before ours. `doubts` are the purchases in doubt that earlier runs left, looked
    for during `resolve_timeout` seconds, as are those of this run.
    """

    plan: Plan
    live: Mapping[str, Live]
    catalogue: Catalogue
    cloud: Cloud
    ledger: Ledger
    secrets: Secrets
    clock: Clock
    interruption: Interruption
    listen: Listener
    who: str
    lineage: str
    policy: PurchasePolicy = DEFAULT_POLICY
    doubts: Mapping[Address, Intent] = field(default_factory=dict)
    resolve_timeout: float = 0.0
    parallelism: int = 10
    ahead: int = 0

    def namesakes(self, name: str) -> list[Live]:
        """The live servers that bore this name when the run began."""
        return self._by_name.get(name, [])

    def stranger(self, name: str) -> Live | None:
        """A namesake that no address of the plan owns."""
        return next((row for row in self.namesakes(name) if row.id not in self._ours), None)

    @cached_property
    def _by_name(self) -> Mapping[str, list[Live]]:
        by_name: dict[str, list[Live]] = {}
        for row in self.live.values():
            by_name.setdefault(row.name, []).append(row)
        return by_name

    @cached_property
    def _ours(self) -> frozenset[str | None]:
        return frozenset(change.recorded.id for change in self.plan.changes if change.recorded is not None)
