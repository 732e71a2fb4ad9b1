"""Checks who has a wanted name, right before a server is bought under it.

The list that the run began with is trusted for a while. A wave may be bought hours later, and the machine may have
slept: a list older than its lease is read again first (docs/decisions/0013).
"""

from __future__ import annotations

import asyncio
from typing import Final

from provisioner.applying.list_snapshot import ListSnapshot
from provisioner.applying.live_index import NameIndex
from provisioner.applying.refusals import NameMayBeTaken, NameTaken
from provisioner.applying.run_context import RunContext
from provisioner.model.guards import Allowance
from provisioner.model.kind import Kind
from provisioner.model.resource import Live

_LEASE: Final = 15 * 60.0
"""How many seconds a list is trusted."""
_TIMEOUT: Final = 600.0
"""How many seconds to wait for a newer list."""


class NameCheck:
    """Checks that no server that is not ours has a wanted name. One instance serves all changes of a run."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._index = context.by_name
        """Of the newest list; `_gaps` are what that list may hide, and `_read_at` is when it was read."""
        self._gaps = context.gaps
        self._read_at = context.clock.monotonic() if context.read_at is None else context.read_at
        self._reading = asyncio.Lock()

    async def refuse_taken(self, kind: Kind, name: str) -> None:
        """Raises NameTaken or NameMayBeTaken, and what `ListPoll.find` raises where the list cannot be read again."""
        await self._refresh()
        gap = next((gap for gap in self._gaps if gap.hides(kind.name, {name})), None)
        if gap is not None and Allowance.LIST_INCOMPLETE not in self._context.plan.allowed:
            raise NameMayBeTaken(name, gap, kind.noun)
        if (holder := self._index.unowned_holder(name, kind)) is not None:
            raise NameTaken(name, holder, kind.noun)

    async def _refresh(self) -> None:
        """Reads the list again if its lease has ended."""
        async with self._reading:
            clock = self._context.clock
            if clock.monotonic() < self._read_at + _LEASE:
                return
            listings: list[ListSnapshot] = []

            def keep(listing: ListSnapshot) -> Live | None:
                listings.append(listing)
                return next(iter(listing.rows.values()), None)

            await self._context.poll.find(
                keep,
                lambda _row: bool(listings),
                deadline=clock.monotonic() + _TIMEOUT,
                watch=lambda _row: None,
            )
            self._index, self._gaps = self._without_ours(listings[-1]), listings[-1].gaps
            self._read_at = clock.monotonic()

    def _without_ours(self, listing: ListSnapshot) -> NameIndex:
        """Returns an index of the list without the servers that this run itself has bought."""
        rows = [row for row in listing.rows.values() if self._context.ids.are_free(row.id, row.order_id)]
        return NameIndex(rows, self._context.owned_ids, self._context.lineage)
