"""What every part of a run works with, as one value: what the caller gives, and what is made of it once for the whole run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property

from provisioner.applying.channel_pool import ChannelPool
from provisioner.applying.first_purchases import FirstPurchases
from provisioner.applying.id_registry import IdRegistry
from provisioner.applying.interruption import Interruption
from provisioner.applying.joint_reads import JointReads
from provisioner.applying.journal_writer import JournalWriter
from provisioner.applying.list_poll import ListPoll
from provisioner.applying.live_index import NameIndex, OrderIndex
from provisioner.applying.ports import (
    ClockPort,
    CloudPort,
    Ledger,
    OtherStatesPort,
    Secrets,
    StockPort,
    no_other_states,
)
from provisioner.model.action import Action
from provisioner.model.address import Address
from provisioner.model.event import Listener
from provisioner.model.kind import Catalogue
from provisioner.model.list_gap import ListGap
from provisioner.model.plan import Plan
from provisioner.model.purchase_policy import DEFAULT_POLICY, PurchasePolicy
from provisioner.model.resource import Live, Recorded
from provisioner.model.state import Intent


@dataclass(frozen=True, eq=False)
class RunContext:
    """Everything that the parts of one run share. `live` is the complete list that was read when the run began. `who` (user@host) and `sender`, the user whom the cloud takes us for, are
    written into every intent. `server_time` is the cloud's, in milliseconds since the epoch. `doubts` are the purchases in doubt that
    earlier runs left; they are looked for during `resolve_timeout` seconds, as are those of this run.
    """

    plan: Plan
    live: Mapping[str, Live]
    catalogue: Catalogue
    cloud: CloudPort
    ledger: Ledger
    secrets: Secrets
    clock: ClockPort
    interruption: Interruption
    listen: Listener
    who: str
    sender: str
    lineage: str
    server_time: Callable[[], int]
    policy: PurchasePolicy = DEFAULT_POLICY
    doubts: Mapping[Address, Intent] = field(default_factory=dict)
    releases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By the id of a server, the releases of it that earlier runs left open: they end with its record."""
    resolve_timeout: float = 0.0
    parallelism: int = 10
    stock: StockPort | None = None
    """Asked before a replacement releases anything."""
    gaps: tuple[ListGap, ...] = ()
    """What the list may hide."""
    read_at: float | None = None
    """When it was read, in the clock's monotonic seconds; None: right now."""
    orders: frozenset[str] = frozenset()
    """Those that billing and other states knew when it began, and no row or record may name."""
    other_states: OtherStatesPort = no_other_states
    """Asked before a server becomes an address's that was not bought by an answered call."""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Opens the channels and reads the list for whoever waits; closes the channels at the end."""
        async with self.cloud.channel() as lookout, self.pool:
            _ = self.first_purchases  # an interruption must find it
            polling = asyncio.ensure_future(self.poll.run(lookout))
            try:
                yield
            finally:
                polling.cancel()
                await asyncio.gather(polling, return_exceptions=True)

    @cached_property
    def poll(self) -> ListPoll:
        kinds = [self.catalogue[name] for name in {change.kind for change in self.plan.work}]
        return ListPoll(kinds, self.clock, self.interruption, known=self._ids_to_stay())

    @cached_property
    def journal(self) -> JournalWriter:
        return JournalWriter(self.ledger, on_failure=self.poll.end)

    @cached_property
    def pool(self) -> ChannelPool:
        return ChannelPool(self.cloud, self.parallelism)

    @cached_property
    def joint_reads(self) -> JointReads:
        return JointReads()

    @cached_property
    def ids(self) -> IdRegistry:
        return IdRegistry(self._records())

    @cached_property
    def first_purchases(self) -> FirstPurchases:
        return FirstPurchases(self.interruption)

    @cached_property
    def by_name(self) -> NameIndex:
        return NameIndex(self.live.values(), self.owned_ids, self.lineage)

    @cached_property
    def by_order(self) -> OrderIndex:
        return OrderIndex(self.plan, self.live, self.catalogue)

    @cached_property
    def listed_ids(self) -> frozenset[str]:
        """The ids of all that was listed before the run bought anything."""
        return frozenset(self.live)

    @cached_property
    def known_orders(self) -> frozenset[str]:
        """The orders that were placed before the run bought anything, as far as anybody knows of them."""
        shown = (row.order_id for row in self.live.values())
        return frozenset(filter(None, (*shown, *(record.order_id for record in self._records()), *self.orders)))

    @cached_property
    def owned_ids(self) -> frozenset[str]:
        """The ids that are recorded under some address."""
        return frozenset(record.id for record in self._records() if record.id is not None)

    def live_row(self, recorded: Recorded) -> Live | None:
        """Returns its row as it was when the run began."""
        return self.live.get(recorded.id or "")

    def _records(self) -> Iterator[Recorded]:
        return (change.recorded for change in self.plan.changes if change.recorded is not None)

    def _ids_to_stay(self) -> Iterator[str]:
        """Yields the ids of what was there when the run began and stays with its address."""
        for change in self.plan.changes:
            identifier = change.recorded.id if change.recorded else None
            if (
                identifier is not None
                and identifier in self.live
                and change.action not in {Action.DELETE, Action.REPLACE, Action.FORGET}
            ):
                yield identifier
