"""Makes changes wait for the changes that they depend on. If one of those does not succeed, the dependent change does
not begin.

Every change ends some time, also when a person interrupts the run or the journal fails, so nothing waits for ever. The
planner sees to it that dependencies form no cycle.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable

from provisioner.model.address import Address
from provisioner.model.dependency import Dependency
from provisioner.model.event import Result, ResultType


class Blocked(Exception):  # noqa: N818 - a decision, not a malfunction
    """A change does not begin, because `blocker`, which it depends on, is not done or not there any more. `why`
    completes a sentence about the blocker. `is_not_awaited`: the blocker is under way, and the run does not wait for it.
    """

    def __init__(
        self, dependency: Dependency, blocker: Address, why: str = "is not done", *, is_not_awaited: bool = False
    ) -> None:
        super().__init__(str(blocker))
        self.dependency = dependency
        self.blocker = blocker
        self.why = why
        self.is_not_awaited = is_not_awaited


class DependencyGate:
    """Lets a change begin when everything that it depends on is done. `addresses` are those with work in this run; any
    other counts as done.
    """

    def __init__(self, dependencies: Iterable[Dependency], addresses: Iterable[Address]) -> None:
        self._dependencies: defaultdict[Address, list[Dependency]] = defaultdict(list)
        for dependency in dependencies:
            for address in dependency.addresses:
                self._dependencies[address].append(dependency)
        self._with_work = dict.fromkeys(addresses)
        self._ended: dict[Address, asyncio.Future[bool]] = {}
        self._waits: dict[int, asyncio.Task[Address | None]] = {}
        """By the identity of the dependency: to hash one of thousands of addresses takes as long as to wait for it."""
        self._blockers: dict[Address, Address] = {}
        """By blocked address: the address that did not get done."""
        self._not_awaited: set[Address] = set()
        self.identifiers: dict[Address, str] = {}
        """The ids of the servers whose changes are done."""

    async def await_turn(self, address: Address) -> None:
        """Returns when `address` may begin. Raises Blocked if something that it depends on is not done."""
        for dependency in self._dependencies.get(address, ()):
            if id(dependency) not in self._waits:
                self._waits[id(dependency)] = asyncio.ensure_future(self._first_blocker(dependency))
            blocker = await asyncio.shield(self._waits[id(dependency)])
            if blocker is not None:
                self._blockers[address] = blocker
                raise Blocked(dependency, blocker, is_not_awaited=blocker in self._not_awaited)

    def end(self, address: Address, result: Result | None, identifier: str | None = None) -> None:
        """Notes that a change has ended. `result` is None if it ended with an unexpected error."""
        is_done = result is not None and result.type is ResultType.DONE
        if result is not None and result.type is ResultType.NOT_AWAITED:
            self._not_awaited.add(address)
        if is_done and identifier is not None:
            self.identifiers[address] = identifier
        self._end_of(address).set_result(is_done)

    async def _first_blocker(self, dependency: Dependency) -> Address | None:
        """Waits for the dependency. Returns None when all of it is done, else the first address that did
        not get done.
        """
        for address in dependency.after:
            if address in self._with_work and not await self._end_of(address):
                return self._blockers.get(address, address)
        return None

    def _end_of(self, address: Address) -> asyncio.Future[bool]:
        """Returns a future that holds, once the change has ended, whether it is done."""
        if address not in self._ended:
            self._ended[address] = asyncio.get_running_loop().create_future()
        return self._ended[address]
