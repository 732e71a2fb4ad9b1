"""Reads the current state of a store: a checkpoint, and what happened since according to the journal.

In a store that requires checkpoints, checkpoint and journal prove that neither of them is outdated or missing, and both
are read in full. Elsewhere a checkpoint is a cache: the newest valid one whose head is in the journal is used, and the
journal is read from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

from provisioner.model.diagnostic import StoreError
from provisioner.model.state import JournalHead, State
from provisioner.store.chain import line_ending
from provisioner.store.contract import JOURNAL, START, DamagedParts, LockedStore, NotInLog, Reader
from provisioner.store.high_water_marks import HighWaterMarks
from provisioner.store.known_state import (
    KnownState,
    initial_state,
    read_known,
    read_state,
    replay_tail,
)
from provisioner.store.older_copies import begins_with_rebuild, is_behind
from provisioner.store.state_errors import journal_missing, state_behind, state_missing
from provisioner.store.words import StoreWords


def read_current(
    reader: Reader, words: StoreWords, *, requires_checkpoint: bool, marks: HighWaterMarks
) -> KnownState | None:
    """Read the current state; None when nothing was ever recorded.

    Raises StoreError for damage, and for a state older than its mark.
    """
    if requires_checkpoint:
        read = _read_pair(reader, words, marks)
        return None if read is None else read[0]
    known = _read_newest(reader, words)
    if known is not None:
        _require_newest(words, known, lambda: read_journal(reader), marks, holds=lambda head: _is_in_log(reader, head))
    return known


def read_whole(
    reader: Reader,
    words: StoreWords,
    *,
    requires_checkpoint: bool,
    marks: HighWaterMarks,
    kept_elsewhere: bool = False,
) -> tuple[KnownState, bytes] | None:
    """Read the current state like `read_current`, and return it with the whole journal.

    `kept_elsewhere`: also a state that is kept at another place, which may have been seen further on there.
    """
    if requires_checkpoint:
        return _read_pair(reader, words, marks, kept_elsewhere=kept_elsewhere)
    if (journal := read_journal(reader)) is None and reader.checkpoint() is None:
        return None
    known = _newest_from_journal(reader, words, journal or b"", kept_elsewhere=kept_elsewhere)
    _require_newest(words, known, lambda: journal, marks)
    return known, journal or b""


def read_quickly(
    reader: Reader, words: StoreWords, *, requires_checkpoint: bool, marks: HighWaterMarks
) -> State | None:
    """Read the current state without the records from before the checkpoint, and so without detecting damage there.

    A state that has moved to another place is read as it was then: its servers are still somebody's.
    """
    if requires_checkpoint and (newest := reader.checkpoint()) is not None:
        try:
            written = read_state(words, newest.data, place=newest.place)
            known = _from_checkpoint(reader, words, written, kept_elsewhere=True)
        except NotInLog:
            pass  # reading both in full below finds out why
        else:
            _require_newest(words, known, lambda: read_journal(reader), marks)
            return known.state
    if requires_checkpoint:
        read = _read_pair(reader, words, marks, kept_elsewhere=True)
        return None if read is None else read[0].state
    current = _read_newest(reader, words, kept_elsewhere=True)
    if current is None:
        return None
    _require_newest(words, current, lambda: read_journal(reader), marks, holds=lambda head: _is_in_log(reader, head))
    return current.state


def read_journal(reader: Reader) -> bytes | None:
    """Return the whole journal; None when it does not exist yet."""
    pieces = tuple(reader.log(JOURNAL).read())
    return b"".join(pieces) if pieces else None


def parts_of(held: LockedStore) -> DamagedParts:
    """Read the parts that a replacement expects to find."""
    newest, before = held.checkpoint(), held.checkpoint(1)
    return DamagedParts(newest.data if newest else None, before.data if before else None, journal=read_journal(held))


def _read_pair(
    reader: Reader, words: StoreWords, marks: HighWaterMarks, *, kept_elsewhere: bool = False
) -> tuple[KnownState, bytes] | None:
    """Read checkpoint and journal. An error is raised only when a second reading finds the same bytes.

    Without the lock, a run may write between the reading of the two parts.
    """
    parts = _read_parts(reader)
    while True:
        try:
            return _check_pair(reader, words, marks, *parts, kept_elsewhere=kept_elsewhere)
        except StoreError:
            again = _read_parts(reader)
            if again == parts:
                raise
            parts = again


def _read_parts(reader: Reader) -> tuple[bytes | None, bytes | None]:
    """Read the checkpoint before the journal, so that the journal is never the older one."""
    newest = reader.checkpoint()
    return None if newest is None else newest.data, read_journal(reader)


def _check_pair(
    reader: Reader,
    words: StoreWords,
    marks: HighWaterMarks,
    state: bytes | None,
    journal: bytes | None,
    *,
    kept_elsewhere: bool,
) -> tuple[KnownState, bytes] | None:
    if state is None:
        if journal is not None:
            raise state_missing(words, beside=words.journal_name)
        if reader.checkpoint(1) is not None:
            raise state_missing(words, beside=words.backup_name)
        return None
    known = read_known(words, state=state, journal=journal, kept_elsewhere=kept_elsewhere)
    _require_newest(words, known, lambda: journal, marks)
    return known, journal or b""


def _read_newest(reader: Reader, words: StoreWords, *, kept_elsewhere: bool = False) -> KnownState | None:
    for written, size in _checkpoints(reader, words):
        try:
            known = _from_checkpoint(reader, words, written, kept_elsewhere=kept_elsewhere)
            return replace(known, written_size=size)
        except NotInLog:
            continue
    journal = read_journal(reader)
    if journal is None and (blob := reader.checkpoint()) is not None:
        journal = read_journal(reader)  # a state that was being begun, renamed or repaired is there by now
        if journal is None:
            raise journal_missing(words, read_state(words, blob.data, place=blob.place).head)
    return None if journal is None else _newest_from_journal(reader, words, journal, kept_elsewhere=kept_elsewhere)


def _newest_from_journal(
    reader: Reader, words: StoreWords, journal: bytes, *, kept_elsewhere: bool = False
) -> KnownState:
    for written, _ in _checkpoints(reader, words):
        if written.head == START or line_ending(written.head) in journal:
            return replay_tail(words, written, journal, kept_elsewhere=kept_elsewhere)
    if (first := initial_state(words, journal)) is not None:
        return replay_tail(words, first, journal, kept_elsewhere=kept_elsewhere)
    raise state_missing(words, beside=words.journal_name)


def _checkpoints(reader: Reader, words: StoreWords) -> Iterator[tuple[State, int]]:
    """Yield the intact checkpoints, newest first, each with its size in bytes. Raises StoreError for one of a newer version or of another stack."""
    for age in count():
        if (blob := reader.checkpoint(age)) is None:
            return
        try:
            yield read_state(words, blob.data, place=blob.place), len(blob.data)
        except StoreError as refusal:
            if refusal.diagnostics[0].code != "state-damaged":
                raise


def _from_checkpoint(reader: Reader, words: StoreWords, written: State, *, kept_elsewhere: bool = False) -> KnownState:
    """Replay the journal onto a checkpoint. Raises NotInLog."""
    journal = b"".join(reader.log(JOURNAL).read(written.head))
    is_whole = written.head.sequence == 0
    return replay_tail(words, written, journal, is_whole=is_whole, kept_elsewhere=kept_elsewhere)


def _require_newest(
    words: StoreWords,
    known: KnownState,
    journal: Callable[[], bytes | None],
    marks: HighWaterMarks,
    *,
    holds: Callable[[JournalHead], bool] | None = None,
) -> None:
    """Raises StoreError when the state is older than its high-water mark. `holds` tells more quickly than the whole
    `journal` whether it holds a record.
    """
    seen = None if known.relocation else marks.load(known.written.lineage)
    if seen is None:
        return
    if is_behind(known, holds or _holds(journal), lambda: begins_with_rebuild(journal() or b""), seen=seen):
        raise state_behind(words, known.written.serial, known.state.head, seen)


def _holds(journal: Callable[[], bytes | None]) -> Callable[[JournalHead], bool]:
    """Return a function that tells whether the whole `journal` holds a record."""
    return lambda head: line_ending(head) in (journal() or b"")


def _is_in_log(reader: Reader, head: JournalHead) -> bool:
    try:
        next(iter(reader.log(JOURNAL).read(head)), None)
    except NotInLog:
        return False
    return True
