"""Buys the servers of several addresses with one call."""

from __future__ import annotations

import asyncio

from provisioner.applying.flow_runner import FlowRunner
from provisioner.model.event import EventType
from provisioner.model.flow import Ended
from provisioner.model.kind import Kind
from provisioner.model.resource import Desired, Recorded


class GroupPurchase:
    """One call that buys for several addresses. It is made once, and its outcome holds for all of them.

    The first address to come makes the call, in the flow that it has begun. Afterwards each address continues by itself
    from the order that they share. Which server of the order belongs to which address is decided where rows are read
    (id_registry.py, docs/decisions/0010). `wanted` are all servers that the call buys, in the order of their addresses.
    """

    def __init__(self, kind: Kind, wanted: tuple[Desired, ...]) -> None:
        self.wanted = wanted
        self._kind = kind
        self._leader: FlowRunner | None = None
        self._purchase: asyncio.Task[Ended] | None = None

    async def buy(self, runner: FlowRunner) -> Recorded:
        """Returns the record of the runner's address once the call is answered. What the call raises is raised for each
        address.
        """
        if self._leader is None or self._purchase is None:
            self._leader, runner.members = runner, self.wanted
            self._purchase = asyncio.ensure_future(runner.run(self._kind.batch.buy(self.wanted, runner.context.policy)))
        try:
            await self._purchase
        finally:
            runner.progress.copy_outcome(self._leader.progress, runner.change.address)
        if runner is not self._leader:
            runner.reporter.start()
            runner.reporter.announce(EventType.BOUGHT, order_id=runner.progress.order_id)
        return next(one for one in self._leader.progress.bought if one.address == runner.change.address)
