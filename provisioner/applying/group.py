"""One call that buys for several addresses: made once, and what became of it holds for all of them.

Whoever comes first makes it, on the way that its address has begun. Each goes on by itself from the order that they then
share; which server of it is whose is chosen where rows are looked at (claims.py, docs/decisions/0010).
"""

from __future__ import annotations

import asyncio

from provisioner.applying.driver import Driver
from provisioner.model.event import EventType
from provisioner.model.flow import Ended
from provisioner.model.kind import Kind
from provisioner.model.resource import Desired, Recorded


class GroupPurchase:
    """`wanted` are all that it buys, in the order of their addresses."""

    def __init__(self, kind: Kind, wanted: tuple[Desired, ...]) -> None:
        self.wanted = wanted
        self._kind = kind
        self._leader: Driver | None = None
        self._purchase: asyncio.Task[Ended] | None = None

    async def bring(self, driver: Driver) -> Recorded:
        """What is recorded of the driver's address once the call is answered. Raises, for each, what the one call came to."""
        if self._leader is None or self._purchase is None:
            self._leader, driver.members = driver, self.wanted
            self._purchase = asyncio.ensure_future(
                driver.drive(self._kind.batch.buy(self.wanted, driver.context.policy))
            )
        try:
            await self._purchase
        finally:
            driver.standing.share(self._leader.standing, driver.change.address)
        if driver is not self._leader:
            driver.start()
            driver.announce(EventType.BOUGHT, order_id=driver.standing.order_id)
        return next(one for one in self._leader.standing.bought if one.address == driver.change.address)
