"""A log that knows whether an append to it may still be carried out, although its writer waits for it no longer."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from provisioner.model.state import JournalHead
from provisioner.store.contract import START, LastRecord, Log, NotDone, Undecided


class SettledLog:
    """Another log, with a memory of its last append. `is_settled`: the outcome of that is known."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.is_settled = True

    def read(self, at: JournalHead = START) -> Iterator[bytes]:
        return self._log.read(at)

    def last(self) -> LastRecord | None:
        return self._log.last()

    def append(
        self, after: JournalHead, batch: bytes, *, sending: bool = False, mentions: Collection[str] = ()
    ) -> JournalHead:
        self.is_settled = False
        try:
            head = self._log.append(after, batch, sending=sending, mentions=mentions)
        except NotDone as failure:
            self.is_settled = not isinstance(failure, Undecided)
            raise
        self.is_settled = True
        return head

    def close(self, after: JournalHead, batch: bytes) -> None:
        self.is_settled = False
        try:
            self._log.close(after, batch)
        except NotDone as failure:
            self.is_settled = not isinstance(failure, Undecided)
            raise
        self.is_settled = True

    def release(self) -> None:
        self._log.release()
