"""Writes entries so that whoever asked goes on only when its entry is on disk, at the price of one fsync for many.

Entries that arrive while a batch is being written wait for the next one and share it. None is skipped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from provisioner.applying.ports import Ledger
from provisioner.model.diagnostic import StoreError, error
from provisioner.model.journal import Entry


class Scribe:
    """`on_failure` is told once, when the first batch fails: nothing can be recorded after that."""

    def __init__(self, ledger: Ledger, on_failure: Callable[[StoreError], None]) -> None:
        self._ledger = ledger
        self._on_failure = on_failure
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

    def check(self) -> None:
        """Raises StoreError when a write has failed: what is sent now could not be recorded."""
        if self._failure is not None:
            raise self._failure

    async def _write_batch(self) -> None:
        self.check()
        batch, self._pending = self._pending, []
        try:
            await asyncio.to_thread(self._ledger.append, batch)
        except BaseException as failure:
            # Whatever it was, nobody knows how much of the batch is on disk, and its other writers must not go on.
            self._failure = failure if isinstance(failure, StoreError) else _unexpected(failure)
            self._on_failure(self._failure)
            raise
        self._written += len(batch)


def _unexpected(failure: BaseException) -> StoreError:
    return StoreError(
        error(
            "journal-broken",
            f"the journal broke off: {type(failure).__name__}",
            hint="run apply again: it looks in the cloud for what was sent and could not be recorded",
        )
    )
