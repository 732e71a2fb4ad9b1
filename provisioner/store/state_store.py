"""The state of a stack in a store: it is read without a lock, and written and repaired under the lock.

All commands use this. It is based on the contract of a store and knows no particular one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from provisioner.model.diagnostic import Diagnostic, StoreError, error
from provisioner.model.history import HistoryRecord, VerifiedJournal
from provisioner.model.journal import Answered, Entry
from provisioner.model.state import Intent, State
from provisioner.store.access import StoreAccess, lock_both
from provisioner.store.clock import StoreClock
from provisioner.store.contract import LATE, LockedStore, Reader, Store, StoreCheck
from provisioner.store.current import read_current, read_whole
from provisioner.store.high_water_marks import HighWaterMarks
from provisioner.store.journal_tail import JournalTail
from provisioner.store.known_state import (
    KnownState,
    read_history,
    require_owner,
)
from provisioner.store.late_answers import (
    open_answers,
    read_late,
    unrecorded_answers,
    unrecorded_purchases,
    with_late,
    with_uncarried_hint,
)
from provisioner.store.renaming import Renaming, nothing_to_rename
from provisioner.store.repair import Repair, begin_repair
from provisioner.store.run_watch import RunWatch, lock_with_progress, this_process
from provisioner.store.session import Session
from provisioner.store.siblings import SiblingReader, Siblings
from provisioner.store.state_errors import RELOCATED, lock_unreliable, progress
from provisioner.store.verification import verify
from provisioner.store.words import LockHolder, LockWaitListener, StoreWords, UnlockAdvice

if TYPE_CHECKING:
    from provisioner.store.pulled_state import PulledState


class StateStore:
    """The state of one stack. `owner` is the stack and environment that it must belong to; None accepts any."""

    def __init__(
        self,
        store: Store,
        *,
        owner: tuple[str, str | None] | None = None,
        clock: StoreClock | None = None,
        marks: HighWaterMarks | None = None,
        warnings: tuple[Diagnostic, ...] = (),
    ) -> None:
        self._store = store
        self._warnings = warnings
        self._owner = owner
        self._clock = clock or StoreClock()
        self._marks = marks or HighWaterMarks()

    @property
    def location(self) -> str:
        """The location of the state, for messages."""
        return self._words.state

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """Warnings about the place, and about unrecorded purchases of runs that had lost their lock."""
        try:
            late = read_late(self._store)
            known = self._read(self._store) if late else None
        except StoreError:  # reported where the state is read; it must not prevent a repair
            return (*self._warnings, *self._store.warnings)
        found = unrecorded_purchases(self._words, None if known is None else known.state, late)
        return (*self._warnings, *self._store.warnings, *found)

    @property
    def other_labels(self) -> tuple[str, ...]:
        """The labels of the other states at the same place, which are not read. Raises StoreError."""
        return self._siblings.labels

    @property
    def lock_free(self) -> str:
        """What a free lock means, as a clause for messages."""
        return self._words.lock_free

    def load(self) -> State | None:
        """Return the state: the last checkpoint and all that the journal has recorded since. Takes no lock.

        Returns None when nothing was ever recorded. Raises StoreError for damage.
        """
        known = self._read(self._store)
        return None if known is None else with_late(known.state, read_late(self._store))

    def replaced(self, state: State | None) -> str:
        """Return how far another state had come that this user has seen at this place, where `state` is now: the state
        was lost there, and perhaps begun anew. Empty where there is no sign of that.
        """
        if state is not None and self._marks.load(state.lineage) is not None:
            return ""
        seen = self._marks.seen_at(self._words.state)
        return "" if seen is None else progress(seen.serial, seen.head)

    def siblings(self, tokens: Collection[str] | None = None, *, labels: Collection[str] | None = None) -> Siblings:
        """Read the other states that are kept at the same place, those of other environments and stacks.

        With `tokens`, those that an index names for them; all where there is no index. With `labels`, these. Nothing is
        kept from one call to the next. Takes no lock. Raises StoreError.
        """
        reader = self._siblings
        if labels is None:
            labels = reader.labels if tokens is None else reader.mentioning(tokens)
        return reader.read(labels)

    def siblings_recording(self, ids: Iterable[str]) -> Siblings:
        """Read the other states that may record one of these servers or orders. Raises StoreError.

        Those that cannot be read may be left out.
        """
        return self._siblings.read(self._siblings.recording(ids))

    def unrecorded_answers(self, state: State | None) -> tuple[tuple[Intent, Answered], ...]:
        """Return the late answers to purchases that `state`, the one kept here, does not record. Raises StoreError."""
        return tuple(unrecorded_answers(state, read_late(self._store)))

    def holder(self) -> LockHolder | None:
        """Return who holds the lock at this moment, or None when it is free. This never disturbs a writer."""
        return self._store.holder()

    def wait(self, seconds: float) -> None:
        """Return as soon as something was recorded where the store can tell, and after `seconds` at the latest."""
        self._store.wait(seconds)

    def tail(self) -> JournalTail:
        """Return a reader of the journal that follows it without a lock, from the last checkpoint on."""
        return JournalTail(self._store, self._words, lambda: self._read(self._store))

    def watch_run(self) -> RunWatch:
        """Return what tells how far the run is that holds the lock."""
        return RunWatch(self.tail(), self._clock)

    def unlock_advice(self, holder: LockHolder) -> UnlockAdvice:
        return self._store.unlock_advice(holder)

    def place_checks(self) -> Iterator[StoreCheck]:
        """Yield the checks of the place where the state is kept. `state_checks` adds those of the state itself."""
        yield from self._store.checks()

    def history(self) -> Iterator[HistoryRecord]:
        """Yield all records of the journal, oldest first, also of a state that was moved. Raises StoreError for damage."""
        if (read := self._read_whole(kept_elsewhere=True)) is not None:
            known, journal = read
            yield from read_history(self._words, journal, lineage=known.written.lineage)

    def verify(self) -> VerifiedJournal:
        """Verify that every record follows from the one before it, and that the records lead to the state and its head.

        Raises StoreError for damage, and when nothing was ever recorded.
        """
        if (read := self._read_whole(kept_elsewhere=True)) is None:
            raise StoreError(
                error(
                    "nothing-recorded",
                    f"nothing is recorded yet at {self.location}, so there is no history to verify",
                    hint="check -e and --state, or begin with apply",
                )
            )
        return verify(self._words, *read)

    @contextmanager
    def write(
        self,
        *,
        command: str,
        who: str,
        timeout: float,
        on_wait: LockWaitListener | None = None,
        reason: str | None = None,
    ) -> Iterator[Session]:
        """Open a session for writing. Raises LockHeld when another run still holds the lock after `timeout` seconds."""
        with self._lock(command=command, who=who, reason=reason, timeout=timeout, on_wait=on_wait) as locked:
            known = self._read(locked)
            if (intrusion := locked.taken_over()) is not None:
                raise lock_unreliable(self._words, intrusion)
            session = Session(
                locked,
                self._words,
                clock=self._clock,
                marks=self._marks,
                known=known,
                late=() if known is None else open_answers(known.state, read_late(locked)),
                late_log=lambda: self._store.log(LATE),
                checkpoint_after=self._store.checkpoint_after,
                requires_checkpoint=self._store.requires_checkpoint,
            )
            try:
                yield session
            finally:
                session.close()

    @contextmanager
    def repair(
        self,
        *,
        command: str,
        who: str,
        timeout: float,
        on_wait: LockWaitListener | None = None,
        force: bool = False,
        reason: str | None = None,
    ) -> Iterator[Repair]:
        """Open a repair.

        Raises LockHeld as `write` does, and StoreError for parts that are not damaged but must not be replaced.

        These are parts that may not be read, that a newer version wrote, of another stack, or of two histories; the closed
        log of a state that was moved; and without `force` a copy whose migration is not complete.
        """
        with self._lock(command=command, who=who, reason=reason, timeout=timeout, on_wait=on_wait) as locked:
            yield begin_repair(
                locked, self._words, read=lambda: self._read(locked), clock=self._clock, marks=self._marks, force=force
            )

    def rename(
        self,
        label: str,
        entries: Sequence[Entry],
        *,
        command: str,
        who: str,
        timeout: float,
        on_wait: LockWaitListener | None = None,
        reason: str | None = None,
    ) -> State:
        """Give the state another label, under the locks of both, and return it. `entries` contain the Renamed one.

        Raises LockHeld, StoreError and UsageError; see `Renaming.rename`.
        """
        target = self._store.sibling(label)
        if {self._words.label, label}.isdisjoint(self._store.names()):
            raise nothing_to_rename(self._words)
        holder = this_process(command, who, reason, since=self._clock.now())
        with lock_both(self._store, target, holder, timeout=timeout, on_wait=on_wait) as (held, target_held):
            return Renaming(self._store, target, self._clock, self._marks).rename(held, target_held, entries)

    def pull(self) -> PulledState | None:
        """Return the state with its journal and late answers, as one document; None when nothing was ever recorded."""
        if (read := self._read_whole()) is None:
            return None
        from provisioner.store.pulled_state import pulled

        return pulled(self._store, self._words, *read)

    @property
    def access(self) -> StoreAccess:
        """What operations on two places need."""
        return StoreAccess(self._store, self._owner, self._clock, self._marks)

    @property
    def _siblings(self) -> SiblingReader:
        return SiblingReader(self._store, self._marks)

    @property
    def _words(self) -> StoreWords:
        return self._store.words

    def _lock(
        self, *, command: str, who: str, reason: str | None, timeout: float, on_wait: LockWaitListener | None
    ) -> AbstractContextManager[LockedStore]:
        holder = this_process(command, who, reason, since=self._clock.now())
        return lock_with_progress(self._store, holder, self.watch_run(), timeout=timeout, on_wait=on_wait)

    def _read(self, reader: Reader) -> KnownState | None:
        requires = self._store.requires_checkpoint
        try:
            known = read_current(reader, self._words, requires_checkpoint=requires, marks=self._marks)
        except StoreError as refusal:
            if refusal.diagnostics[0].code != RELOCATED:
                raise
            raise with_uncarried_hint(refusal, self._words, self._store) from refusal
        if known is not None:
            require_owner(self._words, known.state, owner=self._owner)
        return known

    def _read_whole(self, *, kept_elsewhere: bool = False) -> tuple[KnownState, bytes] | None:
        read = read_whole(
            self._store,
            self._words,
            requires_checkpoint=self._store.requires_checkpoint,
            marks=self._marks,
            kept_elsewhere=kept_elsewhere,
        )
        if read is not None:
            require_owner(self._words, read[0].state, owner=self._owner)
        return read
