"""All that a run works with, as one value, and what can be asked of it about names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from provisioner.applying.interruption import Interruption
from provisioner.applying.ports import Clock, Cloud, Elsewhere, Ledger, Market, Secrets, nowhere
from provisioner.model.address import Address
from provisioner.model.change import Action, Plan
from provisioner.model.event import Listener
from provisioner.model.gap import Gap
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.marker import shortened, unmarked
from provisioner.model.purchasing import DEFAULT_POLICY, PurchasePolicy
from provisioner.model.resource import Live, Recorded
from provisioner.model.sharing import by_order, unseen
from provisioner.model.state import Intent


@dataclass(frozen=True)
class Execution:
    """`live` is the one complete read at its start; `who` and `sender` are written into every intent; `server_time` is the cloud's, in
    milliseconds since the epoch. `doubts` are the purchases in doubt that earlier runs left, looked
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
    sender: str
    lineage: str
    server_time: Callable[[], int]
    policy: PurchasePolicy = DEFAULT_POLICY
    doubts: Mapping[Address, Intent] = field(default_factory=dict)
    resolve_timeout: float = 0.0
    parallelism: int = 10
    market: Market | None = None
    """Asked before a replacement releases anything."""
    gaps: tuple[Gap, ...] = ()
    """What that read may hide."""
    looked_at: float | None = None
    """When it was, in the clock's monotonic seconds; None: right now."""
    elsewhere: Elsewhere = nowhere
    """Asked before a server becomes an address's that was not bought by an answered call."""

    def namesakes(self, name: str) -> list[Live]:
        """The live servers that bore this name when the run began."""
        return self._by_name.get(name, [])

    def stranger(self, name: str, kind: Kind) -> Live | None:
        """A server that no address of the plan owns, and that bears the name or was bought from this state to bear it."""
        bearers = (*self.namesakes(name), *self._by_base.get(shortened(name, longest=kind.longest_name), ()))
        return next((row for row in bearers if row.id not in self._ours), None)

    @cached_property
    def _by_base(self) -> Mapping[str, list[Live]]:
        """Servers whose names carry a marker of this state, by what stands before it."""
        by_base: dict[str, list[Live]] = {}
        for row in self.live.values():
            if (base := unmarked(row.name, lineage=self.lineage)) is not None:
                by_base.setdefault(base, []).append(row)
        return by_base

    @cached_property
    def _by_name(self) -> Mapping[str, list[Live]]:
        by_name: dict[str, list[Live]] = {}
        for row in self.live.values():
            by_name.setdefault(row.name, []).append(row)
        return by_name

    def companions(self, recorded: Recorded) -> list[Live]:
        """What was bought by the same order and is not to be released by this plan, as it was when the run began."""
        if recorded.order_id is None:
            return []
        return [
            row
            for row in self._by_order.get(recorded.order_id, ())
            if row.id not in self._leaving | {recorded.id}
            and row.status not in self.catalogue[row.kind].statuses.releasing
        ]

    def not_leaving(self, identifier: str | None, bought: Iterable[str]) -> tuple[list[str], list[str]]:
        """Of what the order of a server has bought: what this plan does not release, as those that are listed and those that are not."""
        rest = [each for each in bought if each not in self._leaving | {identifier}]
        listed = [row for each in rest if (row := self.live.get(each)) is not None]
        staying = [row.id for row in listed if row.status not in self.catalogue[row.kind].statuses.releasing]
        return staying, [each for each in rest if each not in self.live]

    def holds(self, identifier: str) -> bool:
        """Whether an address has it, so that it is none of those that are awaited."""
        return identifier in self._ours

    def awaited_of(self, order_id: str) -> int:
        """How many servers of an order this plan releases of which no id is known: each is one that no list shows."""
        return sum(record.order_id == order_id for record in unseen(self._releasing, self.live.values()))

    @cached_property
    def _by_order(self) -> Mapping[str, list[Live]]:
        by_order: dict[str, list[Live]] = {}
        for row in self.live.values():
            if row.order_id is not None:
                by_order.setdefault(row.order_id, []).append(row)
        return by_order

    @cached_property
    def _leaving(self) -> frozenset[str | None]:
        """Ids; where only an order is recorded, the row that is dealt to it."""
        addresses = {record.address for record in self._releasing}
        records = [change.recorded for change in self.plan.changes if change.recorded is not None]
        dealt = by_order(records, self.live.values())
        ids = {record.id for record in self._releasing}
        return frozenset(ids | {row.id for address, row in dealt.items() if address in addresses})

    @cached_property
    def _releasing(self) -> tuple[Recorded, ...]:
        going = {Action.DELETE, Action.REPLACE, Action.FORGET}
        leaving = (change for change in self.plan.changes if change.action in going and not change.let_go)
        return tuple(change.recorded for change in leaving if change.recorded is not None)

    @cached_property
    def _ours(self) -> frozenset[str | None]:
        return frozenset(change.recorded.id for change in self.plan.changes if change.recorded is not None)
