"""The first purchase of each flavor goes alone, until the cloud has shown how it is charged; the others wait for that.

A cloud that sells otherwise than was asked for has then sold one server, and not a thousand: after a mismatch nothing more is bought in
the run, of any flavor. A purchase that fails, or whose outcome is not known, hands over to the next. Nobody waits for ever: where nothing
shows the mode in time, the others are bought, and each is still compared (docs/decisions/0018).
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TypeAlias

from provisioner.applying.interruption import Interruption
from provisioner.model.address import Address
from provisioner.model.change import Change
from provisioner.model.foresight import Ware
from provisioner.model.kind import Kind
from provisioner.model.purchasing import PurchasePolicy

Deal: TypeAlias = "tuple[str, Ware | None]"

_LONGEST_WAIT = 30.0
"""Seconds from the answer of a first purchase to the others, where neither it nor a row shows the mode."""


class PurchasesStopped(Exception):  # noqa: N818 - a decision, not a malfunction
    """Nothing more is bought in this run: the cloud has charged `because` otherwise than it was to."""

    def __init__(self, because: Address) -> None:
        super().__init__(str(because))
        self.because = because


def deal_of(kind: Kind, change: Change, policy: PurchasePolicy) -> Deal:
    """What is alike for the cloud: a flavor, and how it is to be charged."""
    return kind.name, None if change.desired is None else kind.stock.ware(change.desired.fields, policy)


@dataclass(slots=True, eq=False)
class _Line:
    """Those of one deal. `first` is being bought; `reserved` is being released, and bought after that."""

    is_open: bool = False
    first: Address | None = None
    reserved: Address | None = None
    buyers: deque[asyncio.Future[None]] = field(default_factory=deque)
    replacements: deque[asyncio.Future[None]] = field(default_factory=deque)
    timer: asyncio.TimerHandle | None = None


class FirstPurchases:
    def __init__(self, interruption: Interruption, *, longest_wait: float = _LONGEST_WAIT) -> None:
        self._lines: dict[Deal, _Line] = {}
        self._held: dict[Address, _Line] = {}
        self._longest_wait = longest_wait
        self._stopped_by: Address | None = None
        self._is_over = False
        interruption.on_request(self._end)

    def check(self) -> None:
        """Raises PurchasesStopped."""
        if self._stopped_by is not None:
            raise PurchasesStopped(self._stopped_by)

    async def enter(self, deal: Deal, address: Address) -> None:
        """Returns when it may be bought: as the first, or after it. Raises PurchasesStopped."""
        line = self._line(deal, address)
        while not (line.is_open or self._is_over):
            self.check()
            if line.first in {None, address}:
                line.first = address
                return
            await _wait_in(line.buyers)
        self.check()

    async def await_sale(self, deal: Deal, address: Address) -> None:
        """Before a replacement releases anything: the first of them does so alone. Purchases that release nothing go ahead of it."""
        line = self._line(deal, address)
        while not (line.is_open or self._is_over):
            self.check()
            if line.first is None and line.reserved in {None, address}:
                line.reserved = address
                return
            await _wait_in(line.replacements)
        self.check()

    def sent(self, address: Address) -> None:
        """It is bought, and what shows its mode may be long in coming."""
        line = self._held.get(address)
        if line is not None and line.first == address and not line.is_open and line.timer is None:
            line.timer = asyncio.get_running_loop().call_later(self._longest_wait, self._open, line)

    def sold(self, address: Address, *, as_wanted: bool | None) -> bool:
        """What the cloud has shown of it. Answers whether it is the first of its deal to show."""
        line = self._held.get(address)
        is_news = line is not None and not line.is_open
        if as_wanted is False:
            self._stopped_by = self._stopped_by or address
            self._end()
        elif line is not None:
            self._open(line)
        return is_news

    def leave(self, address: Address) -> None:
        """Its way is over, or its purchase came to nothing that is known: the next one goes alone."""
        line = self._held.pop(address, None)
        if line is None or line.is_open:
            return
        if line.timer is not None and line.first == address:
            line.timer.cancel()
            line.timer = None
        line.first = None if line.first == address else line.first
        line.reserved = None if line.reserved == address else line.reserved
        if line.first is None:
            _wake(line.buyers, 1) or _wake(line.replacements, 1)

    def _line(self, deal: Deal, address: Address) -> _Line:
        line = self._held[address] = self._lines.setdefault(deal, _Line())
        return line

    def _open(self, line: _Line) -> None:
        line.is_open = True
        if line.timer is not None:
            line.timer.cancel()
        for waiting in (line.buyers, line.replacements):
            _wake(waiting, len(waiting))

    def _end(self) -> None:
        """Nobody waits any longer; what is not to be sent any more is stopped where it would be."""
        self._is_over = True
        for line in self._lines.values():
            self._open(line)


async def _wait_in(waiting: deque[asyncio.Future[None]]) -> None:
    place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting.append(place)
    await place


def _wake(waiting: deque[asyncio.Future[None]], most: int) -> int:
    """How many were waiting."""
    count = 0
    while waiting and count < most:
        place = waiting.popleft()
        if not place.done():
            place.set_result(None)
            count += 1
    return count
