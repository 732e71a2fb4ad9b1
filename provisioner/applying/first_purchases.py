"""Lets the first purchase of each flavor go alone until the cloud has shown how it is charged. The others wait for
that.

A cloud that charges otherwise than was asked for has then sold one server and not a thousand: after a mismatch nothing
more is bought in the run, of any flavor. When a purchase fails or its outcome is not known, the next one goes first. No
purchase waits for ever: if nothing shows the charging mode in time, the others are bought, and each is still compared
(docs/decisions/0018).
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TypeAlias

from provisioner.applying.interruption import Interruption
from provisioner.applying.list_snapshot import NotAwaited
from provisioner.model.address import Address
from provisioner.model.change import Change
from provisioner.model.kind import Kind
from provisioner.model.purchase_policy import PurchasePolicy
from provisioner.model.release_facts import Offering

PurchaseClass: TypeAlias = "tuple[str, Offering | None]"

LONGEST_WAIT = 30.0
"""How many seconds after the answer to a first purchase the others wait, if neither that answer nor a row shows the
charging mode.
"""


class PurchasesStopped(Exception):  # noqa: N818 - a decision, not a malfunction
    """Nothing more is bought in this run, because the cloud charges `mismatched` otherwise than was asked for."""

    def __init__(self, mismatched: Address) -> None:
        super().__init__(str(mismatched))
        self.mismatched = mismatched


def purchase_class(kind: Kind, change: Change, policy: PurchasePolicy) -> PurchaseClass | None:
    """Returns the class of the purchase. Purchases of one class are alike for the cloud: a flavor, and how it is to be
    charged. None: the kind has no paid terms, so that nothing can be charged otherwise than was asked for.
    """
    if not kind.has_terms:
        return None
    return kind.name, None if change.desired is None else kind.stock.offering(change.desired.fields, policy)


@dataclass(slots=True, eq=False)
class _Queue:
    """The purchases of one class. `first` is being bought; `reserved` is being released and is bought after that."""

    is_open: bool = False
    first: Address | None = None
    reserved: Address | None = None
    buyers: deque[asyncio.Future[None]] = field(default_factory=deque)
    replacements: deque[asyncio.Future[None]] = field(default_factory=deque)
    timer: asyncio.TimerHandle | None = None
    not_awaited: Address | None = None
    """The first replacement, whose release the run does not wait for: no other may be released in this run."""


class FirstPurchases:
    """Holds back the purchases of a class until its first one shows how it is charged. One instance serves all changes
    of a run.
    """

    def __init__(self, interruption: Interruption, *, longest_wait: float = LONGEST_WAIT) -> None:
        self._queues: dict[PurchaseClass, _Queue] = {}
        self._queue_of: dict[Address, _Queue] = {}
        self._longest_wait = longest_wait
        self._stopped_by: Address | None = None
        self._has_ended = False
        interruption.on_request(self._end)

    def check(self) -> None:
        """Raises PurchasesStopped where nothing more is bought in this run."""
        if self._stopped_by is not None:
            raise PurchasesStopped(self._stopped_by)

    async def enter(self, key: PurchaseClass | None, address: Address) -> None:
        """Returns when the address may be bought, as the first of its class or after it. Raises PurchasesStopped."""
        if key is None:
            self.check()
            return
        queue = self._queue(key, address)
        while not (queue.is_open or self._has_ended):
            self.check()
            if queue.first in {None, address}:
                queue.first = address
                return
            await _wait_in(queue.buyers)
        self.check()

    async def enter_release(self, key: PurchaseClass | None, address: Address) -> None:
        """Returns when a replacement may release its server. The first replacement does so alone, and purchases that
        release nothing go ahead of it. Raises PurchasesStopped, and NotAwaited where the first one is not waited for.
        """
        if key is None:
            self.check()
            return
        queue = self._queue(key, address)
        while not (queue.is_open or self._has_ended):
            self.check()
            if queue.not_awaited is not None:
                raise NotAwaited(queue.not_awaited)
            if queue.first is None and queue.reserved in {None, address}:
                queue.reserved = address
                return
            await _wait_in(queue.replacements)
        self.check()

    def note_answer(self, address: Address) -> None:
        """Notes that a purchase is answered. After a first purchase, the others wait a limited time for a row that
        shows its charging mode.
        """
        queue = self._queue_of.get(address)
        if queue is not None and queue.first == address and not queue.is_open and queue.timer is None:
            queue.timer = asyncio.get_running_loop().call_later(self._longest_wait, self._open, queue)

    def note_sale(self, address: Address, *, as_wanted: bool | None) -> bool:
        """Notes whether the cloud charges a server as was asked for (None: nothing shows it). Returns whether its class
        was still waiting for that.
        """
        queue = self._queue_of.get(address)
        is_first = queue is not None and not queue.is_open
        if as_wanted is False:
            self._stopped_by = self._stopped_by or address
            self._end()
        elif queue is not None:
            self._open(queue)
        return is_first

    def is_first(self, address: Address) -> bool:
        """Whether this is the first purchase of its class, and nothing has shown yet how it is charged."""
        queue = self._queue_of.get(address)
        return queue is not None and not queue.is_open and queue.first == address

    def note_not_awaited(self, address: Address) -> None:
        """Notes that the run does not wait for this change. If it is a first replacement that is not bought yet, no
        other server of its class is released: nothing will show in this run how the cloud charges its successor.
        """
        queue = self._queue_of.get(address)
        if queue is not None and not queue.is_open and queue.reserved == address:
            queue.not_awaited = address
            _wake(queue.replacements, len(queue.replacements))

    def leave(self, address: Address) -> None:
        """Lets the next purchase go first, because this one has ended or its outcome is not known."""
        queue = self._queue_of.pop(address, None)
        if queue is None or queue.is_open:
            return
        if queue.timer is not None and queue.first == address:
            queue.timer.cancel()
            queue.timer = None
        queue.first = None if queue.first == address else queue.first
        queue.reserved = None if queue.reserved == address else queue.reserved
        if queue.first is None:
            _wake(queue.buyers, 1) or _wake(queue.replacements, 1)

    def _queue(self, key: PurchaseClass, address: Address) -> _Queue:
        queue = self._queue_of[address] = self._queues.setdefault(key, _Queue())
        return queue

    def _open(self, queue: _Queue) -> None:
        queue.is_open = True
        if queue.timer is not None:
            queue.timer.cancel()
        for waiting in (queue.buyers, queue.replacements):
            _wake(waiting, len(waiting))

    def _end(self) -> None:
        """Ends every wait. What may not be bought any more is stopped right before it would be sent."""
        self._has_ended = True
        for queue in self._queues.values():
            self._open(queue)


async def _wait_in(waiting: deque[asyncio.Future[None]]) -> None:
    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting.append(waiter)
    await waiter


def _wake(waiting: deque[asyncio.Future[None]], limit: int) -> int:
    """Wakes up to `limit` waiters and returns how many it woke."""
    count = 0
    while waiting and count < limit:
        waiter = waiting.popleft()
        if not waiter.done():
            waiter.set_result(None)
            count += 1
    return count
