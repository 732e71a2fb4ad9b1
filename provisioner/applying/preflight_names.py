"""Who bears a wanted name, asked right before a server is bought under it.

The reading that a run began with tells, for a while. A wave may be bought hours later, and a machine may have slept: what is older than its
lease is looked at again first (docs/decisions/0013).
"""

from __future__ import annotations

import asyncio
from typing import Final

from provisioner.applying.list_poll import ListSnapshot
from provisioner.applying.live_index import NameIndex
from provisioner.applying.refusals import MayBeTaken, NameTaken
from provisioner.applying.run_context import RunContext
from provisioner.model.guards import Allowance
from provisioner.model.kind import Kind
from provisioner.model.resource import Live

_LEASE: Final = 15 * 60.0
"""Seconds."""
_PATIENCE: Final = 600.0


class NameCheck:
    """Checks that nobody else has a wanted name. One value serves all changes of a run."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._seen = context.by_name
        """As the newest look has it, and below what that may hide."""
        self._gaps = context.gaps
        self._looked_at = context.clock.monotonic() if context.read_at is None else context.read_at
        self._looking = asyncio.Lock()

    async def refuse_stranger(self, kind: Kind, name: str) -> None:
        """Raises NameTaken, MayBeTaken, and what ends a wait."""
        await self._renew()
        gap = next((gap for gap in self._gaps if gap.hides(kind.name, {name})), None)
        if gap is not None and Allowance.LIST_INCOMPLETE not in self._context.plan.allowed:
            raise MayBeTaken(name, gap, kind.noun)
        if (stranger := self._seen.stranger(name, kind)) is not None:
            raise NameTaken(name, stranger, kind.noun)

    async def _renew(self) -> None:
        async with self._looking:
            clock = self._context.clock
            if clock.monotonic() < self._looked_at + _LEASE:
                return
            looks: list[ListSnapshot] = []

            def keep(listing: ListSnapshot) -> Live | None:
                looks.append(listing)
                return next(iter(listing.rows.values()), None)

            await self._context.poll.seek(
                keep,
                lambda _row: bool(looks),
                deadline=clock.monotonic() + _PATIENCE,
                watch=lambda _row: None,
            )
            self._seen, self._gaps = self._without_ours(looks[-1]), looks[-1].gaps
            self._looked_at = clock.monotonic()

    def _without_ours(self, listing: ListSnapshot) -> NameIndex:
        """Returns the index of the list without what the run has bought itself by now."""
        strange = [row for row in listing.rows.values() if self._context.ids.are_free(row.id, row.order_id)]
        return NameIndex(strange, self._context.owned_ids, self._context.lineage)
