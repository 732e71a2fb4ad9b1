"""Writes entries so that whoever asked goes on only when its entry is on disk, at the price of one fsync for many.

Entries that arrive while a batch is being written wait for the next one and share it. None is skipped.
"""

from __future__ import annotations

import asyncio

from provisioner.applying.ports import Ledger
from provisioner.model.diagnostic import StoreError
from provisioner.model.journal import Entry


class Scribe:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._turn = asyncio.Lock()
        self._pending: list[Entry] = []
        self._asked = 0
        self._written = 0
        self._failure: StoreError | None = None

    async def write(self, *entries: Entry) -> None:
        """Returns when `entries` are durable, in order. Raises StoreError, and for every later call too."""
        self._pending.extend(entries)
        self._asked += len(entries)
        mine = self._asked
        async with self._turn:
            if self._written < mine:
                await self._write_batch()

    async def _write_batch(self) -> None:
        if self._failure is not None:
            raise self._failure
        batch, self._pending = self._pending, []
        try:
            await asyncio.to_thread(self._ledger.append, batch)
        except StoreError as failure:
            self._failure = failure
            raise
        self._written += len(batch)
