"""Writes entries so that whoever asked goes on only when its entry is on disk, at the price of one fsync for many.

Entries that arrive while a batch is being written wait for the next one and share it. None is skipped. After the first
failure nothing new may be sent; what became of what was sent is still offered to the journal, which knows best whether it can
take it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from provisioner.applying.ports import Ledger
from provisioner.model.diagnostic import StoreError, error
from provisioner.model.journal import Entry, Intended

_PASSES = 4
"""Of the event loop: from an answer to the note of the call that takes its place (docs/benchmarks.md)."""


@dataclass(slots=True)
class _Request:
    entries: tuple[Entry, ...]
    is_written: bool = False
    failure: StoreError | None = None

    @property
    def is_over(self) -> bool:
        return self.is_written or self.failure is not None

    @property
    def announces_sending(self) -> bool:
        return any(isinstance(entry, Intended) for entry in self.entries)


class JournalWriter:
    """Writes entries for many callers at a time. `on_failure` is called once, when the first batch fails."""

    def __init__(self, ledger: Ledger, on_failure: Callable[[StoreError], None]) -> None:
        self._ledger = ledger
        self._on_failure = on_failure
        self._turn = asyncio.Lock()
        self._pending: list[_Request] = []
        self._failure: StoreError | None = None
        self._is_final = False

    async def write(self, *entries: Entry) -> None:
        """Writes `entries` in order and returns when they are durable. Raises StoreError when they are not, or not known to be."""
        request = _Request(entries)
        self._pending.append(request)
        try:
            async with self._turn:
                if not request.is_over:
                    await self._gather()
                    await self._write_pending()
        except asyncio.CancelledError:
            self._pending = [one for one in self._pending if one is not request]  # nobody sends what it would announce
            raise
        if request.failure is not None:
            raise request.failure

    def check(self) -> None:
        """Raises StoreError when a write has failed: what is sent now could not be recorded."""
        if self._failure is not None:
            raise self._failure

    async def _gather(self) -> None:
        """Lets callers that are about to write share this write; no time passes for it."""
        for _ in range(_PASSES):
            await asyncio.sleep(0)

    async def _write_pending(self) -> None:
        """Writes all pending entries at once. Where that fails, entries about calls that were sent are tried again without new intents."""
        batch, self._pending = self._pending, []
        try:
            if self._failure is None and await self._is_durable(batch):
                return
            facts = [request for request in batch if not request.announces_sending]
            if facts and not self._is_final:
                await self._is_durable(facts)
        finally:
            for request in batch:
                request.failure = None if request.is_written else self._failure

    async def _is_durable(self, batch: list[_Request]) -> bool:
        try:
            await asyncio.to_thread(self._ledger.append, [entry for request in batch for entry in request.entries])
        except StoreError as failure:
            self._fail(failure)
            return False
        except BaseException as failure:
            # An error of ours, or a cancelled wait: nobody knows how much of it is on disk.
            self._is_final = True
            self._fail(_unexpected(failure))
            raise
        for request in batch:
            request.is_written = True
        return True

    def _fail(self, failure: StoreError) -> None:
        if self._failure is None:
            self._failure = failure
            self._on_failure(failure)


def _unexpected(failure: BaseException) -> StoreError:
    return StoreError(
        error(
            "journal-broken",
            f"the journal broke off: {type(failure).__name__}",
            hint="run the same command again: it looks in the cloud for what was sent and could not be recorded",
        )
    )
