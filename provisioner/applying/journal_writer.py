"""Writes journal entries for many callers with one fsync. Each caller continues only when its entries are on disk.

Entries that arrive while a batch is being written wait for the next batch and share it. None is skipped. After the
first failure nothing new may be sent. The outcomes of calls that were sent are still passed to the journal, which knows
best whether it can take them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from provisioner.applying.ports import Ledger
from provisioner.model.diagnostic import StoreError, error
from provisioner.model.journal import Entry, Intended

_PASSES = 4
"""How many passes of the event loop a write waits for others. An answer and the intent of the call that follows it are
that far apart (docs/benchmarks.md).
"""


@dataclass(slots=True)
class _Request:
    entries: tuple[Entry, ...]
    is_written: bool = False
    failure: StoreError | None = None

    @property
    def is_done(self) -> bool:
        return self.is_written or self.failure is not None

    @property
    def has_intent(self) -> bool:
        return any(isinstance(entry, Intended) for entry in self.entries)


class JournalWriter:
    """Writes the entries of many callers together. `on_failure` is called once, when the first batch fails."""

    def __init__(self, ledger: Ledger, on_failure: Callable[[StoreError], None]) -> None:
        self._ledger = ledger
        self._on_failure = on_failure
        self._lock = asyncio.Lock()
        self._pending: list[_Request] = []
        self._failure: StoreError | None = None
        self._is_uncertain = False
        """Whether nobody knows how much of a batch is on disk: nothing is written any more."""

    async def write(self, *entries: Entry) -> None:
        """Writes `entries` in order and returns when they are durable. Raises StoreError if they are not, or are not
        known to be.
        """
        request = _Request(entries)
        self._pending.append(request)
        try:
            async with self._lock:
                if not request.is_done:
                    await self._gather()
                    await self._write_pending()
        except asyncio.CancelledError:
            self._pending = [one for one in self._pending if one is not request]  # its caller sends nothing
            raise
        if request.failure is not None:
            raise request.failure

    def check(self) -> None:
        """Raises StoreError if a write has failed, because what is sent now could not be recorded."""
        if self._failure is not None:
            raise self._failure

    async def _gather(self) -> None:
        """Lets callers that are about to write share this write. No time passes by the clock."""
        for _ in range(_PASSES):
            await asyncio.sleep(0)

    async def _write_pending(self) -> None:
        """Writes all pending entries at once. If that fails, writes again only the entries about calls that were sent,
        without new intents.
        """
        batch, self._pending = self._pending, []
        try:
            if self._failure is None and await self._append(batch) is None:
                return
            outcomes = [request for request in batch if not request.has_intent]
            if outcomes and not self._is_uncertain:
                refused = await self._append(outcomes)
                for request in outcomes:
                    request.failure = refused  # which says whether the answers among them are kept elsewhere
        finally:
            for request in batch:
                request.failure = None if request.is_written else request.failure or self._failure

    async def _append(self, batch: list[_Request]) -> StoreError | None:
        """Appends the entries of the batch to the journal. Returns why they are not durable, or None if they are."""
        try:
            await asyncio.to_thread(self._ledger.append, [entry for request in batch for entry in request.entries])
        except StoreError as failure:
            self._fail(failure)
            return failure
        except BaseException as failure:
            # An unexpected error, or a cancelled wait: nobody knows how much of the batch is on disk.
            self._is_uncertain = True
            self._fail(_unexpected(failure))
            raise
        for request in batch:
            request.is_written = True
        return None

    def _fail(self, failure: StoreError) -> None:
        if self._failure is None:
            self._failure = type(failure)(*failure.diagnostics)  # what is kept of this batch says nothing about others
            self._on_failure(self._failure)


def _unexpected(failure: BaseException) -> StoreError:
    return StoreError(
        error(
            "journal-broken",
            f"writing the journal failed: {type(failure).__name__}",
            hint="run the same command again: it looks in the cloud for what was sent and could not be recorded",
        )
    )
