"""Gives a state another label, because its stack or environment was renamed, while the locks of both labels are held.

The journal moves along and gains the record of the renaming, so that the history stays one and the state is known to be
that of its new owner. A crash leaves the state under one of both labels; the same renaming then completes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import Final

from provisioner.model.diagnostic import StoreError, UsageError, error
from provisioner.model.journal import Entry, Renamed
from provisioner.model.replay import replay
from provisioner.model.state import State
from provisioner.store.chain import Record, single_lines
from provisioner.store.clock import StoreClock
from provisioner.store.codec import created_entry, encode_state, journal_lines
from provisioner.store.contract import LockedStore, NotDone, Store
from provisioner.store.current import read_current, read_journal, read_whole
from provisioner.store.high_water_marks import HighWaterMark, HighWaterMarks
from provisioner.store.known_state import KnownState, former_labels, read_history, require_owner
from provisioner.store.words import StoreWords

_OF_RENAMING: Final = frozenset({"created", "run_started", "renamed", "run_ended"})
"""The types of the records that a renaming appends."""


@dataclass(frozen=True, slots=True)
class Renaming:
    """A state that may be renamed: the store of its label, and that of the label that it is to have."""

    source: Store
    target: Store
    clock: StoreClock
    marks: HighWaterMarks

    def rename(self, held: LockedStore, target_held: LockedStore, entries: Sequence[Entry]) -> State:
        """Rename, and return the state under its new label. `entries` are those of the run; one of them is Renamed.

        A renaming that is done already, or that a crash cut short after the state had moved, is completed. Raises
        StoreError for damage and where anything of another state is kept under the new label, and UsageError
        `no-state` where there is no state under the old one.
        """
        new = self._read_target(target_held)
        if new is not None:
            return self._complete(held, target_held, new)
        requires, before = self.source.requires_checkpoint, read_journal(held)
        read = read_whole(held, self.source.words, requires_checkpoint=requires, marks=self.marks)
        if read is None:
            raise nothing_to_rename(self.source.words)
        known, journal = read
        self._require_own_leftovers(target_held, journal, lineage=known.written.lineage)
        kept = journal[: known.journal_end]
        described = [] if known.is_described else [created_entry(known.written)]
        lines, head = journal_lines(
            self.target.words,
            [*described, *entries],
            lineage=known.written.lineage,
            serial=known.written.serial,
            head=known.state.head,
            time=self.clock.now(),
            batch={"writer": token_hex(16), "nonce": token_hex(8)},
        )
        state = replace(replay(known.state, entries), head=head)
        require_owner(self.target.words, state)
        if kept and not kept.endswith(b"\n"):
            kept += b"\n"
        with _as_store_error(self.target.words):
            held.move_to(self.target.words.label, before, kept + lines)
        return self._checkpoint(target_held, KnownState(known.written, state, len(kept) + len(lines)))

    def _read_target(self, held: LockedStore) -> KnownState | None:
        """Read the state of the new label. What an interrupted move has left there is not one yet, and counts as none."""
        requires = self.target.requires_checkpoint
        if requires and held.checkpoint() is None:
            return None
        return read_current(held, self.target.words, requires_checkpoint=requires, marks=self.marks)

    def _complete(self, held: LockedStore, target_held: LockedStore, new: KnownState) -> State:
        """Complete a renaming whose state has moved already. Raises StoreError `state-exists` for any other state."""
        journal, left = read_journal(target_held) or b"", read_journal(held) or b""
        is_ours = self.source.words.label in former_labels(journal) and held.checkpoint() is None
        if not is_ours or not _heads(left) <= _heads(journal):
            raise self._exists()
        with _as_store_error(self.target.words):
            held.clear_moved(self.target.words.label)
        return self._checkpoint(target_held, new)

    def _require_own_leftovers(self, target_held: LockedStore, journal: bytes, *, lineage: str) -> None:
        """Refuse parts under the new label, other than those that an interrupted move of this state has left there."""
        label = self.target.words.label
        if label not in self.target.names():
            return
        left = read_journal(target_held)
        if left is None:
            raise self._exists()
        moved = _heads(journal)
        try:
            history = read_history(self.target.words, left, lineage=lineage)
            added = [record.entry for record in history if record.hash not in moved]
        except StoreError as failure:
            raise self._exists() from failure
        if any(entry.type not in _OF_RENAMING for entry in added) or not any(isinstance(one, Renamed) for one in added):
            raise self._exists()

    def _checkpoint(self, target_held: LockedStore, known: KnownState) -> State:
        """Write the state of the new owner. Until that is done, its journal says whose it is."""
        state = known.state
        if known.written.head != state.head:
            state = replace(state, serial=known.written.serial + 1)
            target_held.checkpoint()
            with _as_store_error(self.target.words):
                target_held.create_checkpoint(state.head.sequence, encode_state(state))
        mark = HighWaterMark(state.serial, state.head, self.target.words.state)
        self.marks.save(state.lineage, mark)
        return state

    def _exists(self) -> StoreError:
        words = self.target.words
        return StoreError(
            error(
                "state-exists",
                f"something is kept under the name {words.label} already: {words.state} or a file beside it",
                hint="nothing was changed; choose another name, or move those files away if nothing of them is in use",
            )
        )


def nothing_to_rename(words: StoreWords) -> UsageError:
    hint = "name the state as its files are named, without .json; check --state and the directory you stand in"
    return UsageError(error("no-state", f"no state was ever recorded at {words.state}", hint=hint))


def _heads(journal: bytes) -> frozenset[str]:
    return frozenset(line.hash for line in single_lines(journal) if isinstance(line, Record))


@contextmanager
def _as_store_error(words: StoreWords) -> Iterator[None]:
    """Turn an operation that was not done into an error for a person."""
    try:
        yield
    except NotDone as failure:
        raise StoreError(
            error(
                "rename-not-written",
                f"cannot rename to {words.label}: {failure.place or words.state}: {failure.reason}",
                hint=f"Nothing is lost: the state is whole under one of both names. {words.make_writable} and run the same command "
                "again.",
            )
        ) from failure
