"""Whose turn it is: what is to wait for others begins when they are done, and not at all where they do not get there.

Everybody's way ends some time, also when a person interrupts or the journal fails, so that nobody waits for ever: turns lead in no
circle, which is the planner's to see to.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable

from provisioner.model.address import Address
from provisioner.model.dependency import Dependency
from provisioner.model.event import Result, ResultType


class Blocked(Exception):  # noqa: N818 - a decision, not a malfunction
    """A change is not begun, because `before`, which it waits for, is not done or not there any more. `why` completes a sentence about it."""

    def __init__(self, turn: Dependency, before: Address, why: str = "is not done") -> None:
        super().__init__(str(before))
        self.turn = turn
        self.before = before
        self.why = why


class DependencyGate:
    """Lets a change begin when all that it waits for is done. `addresses` have work in this run; any other address counts as done."""

    def __init__(self, turns: Iterable[Dependency], addresses: Iterable[Address]) -> None:
        self._waiting: defaultdict[Address, list[Dependency]] = defaultdict(list)
        for turn in turns:
            for address in turn.addresses:
                self._waiting[address].append(turn)
        self._under_way = dict.fromkeys(addresses)
        self._ended: dict[Address, asyncio.Future[bool]] = {}
        self._openings: dict[int, asyncio.Task[Address | None]] = {}
        """By identity: a turn of thousands takes as long to hash as to wait for."""
        self._held_back: dict[Address, Address] = {}
        """Not begun, and by whose fault."""
        self.identifiers: dict[Address, str] = {}
        """Of the servers of those that are done."""

    async def await_turn(self, address: Address) -> None:
        """Returns when `address` may begin. Raises Blocked where what it waits for is not done."""
        for turn in self._waiting.get(address, ()):
            if id(turn) not in self._openings:
                self._openings[id(turn)] = asyncio.ensure_future(self._first_that_fell_short(turn))
            before = await asyncio.shield(self._openings[id(turn)])
            if before is not None:
                self._held_back[address] = before
                raise Blocked(turn, before)

    def end(self, address: Address, result: Result | None, identifier: str | None = None) -> None:
        """Notes that a change has ended. `result` is None where it ended without one."""
        is_done = result is not None and result.type is ResultType.DONE
        if is_done and identifier is not None:
            self.identifiers[address] = identifier
        self._end_of(address).set_result(is_done)

    async def _first_that_fell_short(self, turn: Dependency) -> Address | None:
        for address in turn.after:
            if address in self._under_way and not await self._end_of(address):
                return self._held_back.get(address, address)
        return None

    def _end_of(self, address: Address) -> asyncio.Future[bool]:
        if address not in self._ended:
            self._ended[address] = asyncio.get_running_loop().create_future()
        return self._ended[address]
