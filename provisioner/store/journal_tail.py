"""Follows the journal without a lock: each reading returns what was appended since the one before."""

from __future__ import annotations

from collections.abc import Callable

from provisioner.model.history import HistoryRecord
from provisioner.model.state import JournalHead
from provisioner.store.contract import JOURNAL, START, NotInLog, Reader
from provisioner.store.known_state import KnownState, checked_records, decode_entry
from provisioner.store.words import StoreWords


class JournalTail:
    """Reads the journal from a known record on. `load` reads the state, with which the following begins.

    The first reading begins behind the checkpoint, so that it contains the run that is under way. Where the journal was
    replaced, by a repair, the next reading begins anew.
    """

    def __init__(self, reader: Reader, words: StoreWords, load: Callable[[], KnownState | None]) -> None:
        self._reader = reader
        self._words = words
        self._load = load
        self._lineage: str | None = None
        self._head = START

    def read(self) -> tuple[HistoryRecord, ...]:
        """Return the records that were appended since the last reading; none while there is no state.

        Raises StoreError for damage.
        """
        if self._lineage is None and not self._begin():
            return ()
        try:
            return self._read()
        except NotInLog:
            self._lineage = None
            return ()

    def _begin(self) -> bool:
        known = self._load()
        if known is None:
            return False
        self._lineage, self._head = known.written.lineage, known.written.head
        return True

    def _read(self) -> tuple[HistoryRecord, ...]:
        data = b"".join(self._reader.log(JOURNAL).read(self._head))
        lines = checked_records(self._words, data, lineage=self._lineage or "", at=self._head)
        new = [line for line in lines if line.sequence > self._head.sequence]
        if new:
            last = new[-1]
            self._head = JournalHead(last.sequence, last.hash)
        return tuple(HistoryRecord(one.sequence, one.time, one.hash, decode_entry(self._words, one)) for one in new)
