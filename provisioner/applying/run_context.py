"""What every part of a run shares, as one value: what the caller passes in, and what is built from it once for the
whole run.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property

from provisioner.applying.channel_pool import ChannelPool
from provisioner.applying.first_purchases import FirstPurchases, PurchaseClass, purchase_class
from provisioner.applying.id_registry import IdRegistry
from provisioner.applying.interruption import Interruption
from provisioner.applying.joint_reads import JointReads
from provisioner.applying.journal_writer import JournalWriter
from provisioner.applying.list_poll import ListPoll
from provisioner.applying.live_index import NameIndex, OrderIndex
from provisioner.applying.lock_wait import LockWait
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
    """Everything that the parts of one run share.

    `live` is the complete list by id, as it was read before the run. `who` (user@host) and `sender`, the user that the
    cloud knows us as, are written into every intent. `server_time` returns the cloud's time in milliseconds since the
    epoch. `doubts` are the purchases in doubt that earlier runs left. Their servers, and those of the doubts of this
    run, are looked for during `resolve_timeout` seconds.
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
    """By server id: the intents of releases that earlier runs left open. They are settled when the server's record is
    forgotten.
    """
    resolve_timeout: float = 0.0
    parallelism: int = 10
    stock: StockPort | None = None
    """Asked before a replacement releases anything. None: nobody is asked."""
    gaps: tuple[ListGap, ...] = ()
    """What `live` may be missing."""
    read_at: float | None = None
    """When `live` was read, in the clock's monotonic seconds. None: right now."""
    orders: frozenset[str] = frozenset()
    """Orders that billing and other states knew when the run began. No row and no record need name them."""
    approval: str = ""
    """The approval that the run carries out. Empty if it has none."""
    hide: Callable[[str], str] = str
    """Removes the secrets that are known from a text that is recorded for people to read."""
    other_states: OtherStatesPort = no_other_states
    """Asked before an address gets a server that no answered call has bought for it."""
    no_wait: bool = False
    """Whether changes end where they would wait for the cloud to build or release something."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Polls the list for whoever waits until the block ends, and closes all channels then."""
        async with self.cloud.channel() as poll_channel, self.pool:
            _ = self.first_purchases  # built now, so that it hears of an interruption
            polling = asyncio.ensure_future(self.poll.run(poll_channel))
            try:
                yield
            finally:
                polling.cancel()
                await asyncio.gather(polling, return_exceptions=True)

    @cached_property
    def poll(self) -> ListPoll:
        kinds = [self.catalogue[name] for name in {change.kind for change in self.plan.work}]
        return ListPoll(kinds, self.clock, self.interruption, known=self._kept_ids())

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
    def has_lease(self) -> bool:
        """Whether the lock may end while this process lives, so that a call which it sends late can be one too many."""
        return self.ledger.seconds_left() != math.inf

    @cached_property
    def lock_wait(self) -> LockWait:
        return LockWait(self.ledger, self.clock)

    @cached_property
    def purchases_by_class(self) -> Counter[PurchaseClass]:
        """How many purchases of each class the plan has."""
        buying = (change for change in self.plan.work if change.action in {Action.CREATE, Action.REPLACE})
        classes = (purchase_class(self.catalogue[change.kind], change, self.policy) for change in buying)
        return Counter(each for each in classes if each is not None)

    @cached_property
    def by_name(self) -> NameIndex:
        return NameIndex(self.live.values(), self.owned_ids, self.lineage)

    @cached_property
    def by_order(self) -> OrderIndex:
        return OrderIndex(self.plan, self.live, self.catalogue)

    @cached_property
    def listed_ids(self) -> frozenset[str]:
        """The ids of all servers that were listed before the run bought anything."""
        return frozenset(self.live)

    @cached_property
    def known_orders(self) -> frozenset[str]:
        """The orders that were placed before the run bought anything, as far as anybody knows of them."""
        listed = (row.order_id for row in self.live.values())
        return frozenset(filter(None, (*listed, *(record.order_id for record in self._records()), *self.orders)))

    @cached_property
    def owned_ids(self) -> frozenset[str]:
        """The ids that are recorded under some address."""
        return frozenset(record.id for record in self._records() if record.id is not None)

    def live_row(self, recorded: Recorded) -> Live | None:
        """Returns the server's row as it was when the run began; None where the list lacked it."""
        return self.live.get(recorded.id or "")

    def _records(self) -> Iterator[Recorded]:
        return (change.recorded for change in self.plan.changes if change.recorded is not None)

    def _kept_ids(self) -> Iterator[str]:
        """Yields the ids of the servers that were there when the run began and stay with their addresses."""
        for change in self.plan.changes:
            identifier = change.recorded.id if change.recorded else None
            if (
                identifier is not None
                and identifier in self.live
                and change.action not in {Action.DELETE, Action.REPLACE, Action.FORGET}
            ):
                yield identifier
