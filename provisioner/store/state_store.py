"""The state of a stack in a store: it is read without a lock, and written and repaired under the lock.

All commands use this. It is based on the contract of a store and knows no particular one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

from provisioner.model.diagnostic import Diagnostic, StoreError, error
from provisioner.model.history import HistoryRecord, VerifiedJournal
from provisioner.model.journal import Entry
from provisioner.model.replay import replay
from provisioner.model.state import Intent, State
from provisioner.store.clock import StoreClock
from provisioner.store.contract import LATE, DamagedParts, LockedStore, Reader, Store, StoreCheck
from provisioner.store.current import read_current, read_journal, read_quickly, read_whole
from provisioner.store.high_water_marks import HighWaterMarks
from provisioner.store.journal_tail import JournalTail
from provisioner.store.known_state import FOREIGN, KnownState, read_history, require_owner
from provisioner.store.late_answers import Answer, open_answers, read_late, unrecorded_purchases
from provisioner.store.renaming import Renaming, nothing_to_rename
from provisioner.store.repair import Repair
from provisioner.store.run_watch import RunWatch, lock_with_progress, this_process
from provisioner.store.salvage import Salvaged, salvage
from provisioner.store.session import Session
from provisioner.store.verification import verify
from provisioner.store.words import LockHolder, LockWaitListener, StoreWords, UnlockAdvice


@dataclass(frozen=True, slots=True)
class Siblings:
    """The other states at the same place, by label.

    `unread` holds why a state cannot be read; what it owns is unknown.
    """

    states: Mapping[str, State]
    unread: Mapping[str, str]


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
        return tuple(label for label in self._store.names() if label != self._words.label)

    @property
    def lock_free(self) -> str:
        """What a free lock means, as a clause for messages."""
        return self._words.lock_free

    def load(self) -> State | None:
        """Return the state: the last checkpoint and all that the journal has recorded since. Takes no lock.

        Returns None when nothing was ever recorded. Raises StoreError for damage.
        """
        known = self._read(self._store)
        return None if known is None else _with_late(known.state, read_late(self._store))

    def siblings(self) -> Siblings:
        """Read the other states that are kept at the same place, those of other environments and stacks."""
        states: dict[str, State] = {}
        unread: dict[str, str] = {}
        for label in self.other_labels:
            sibling = self._store.sibling(label)
            try:
                state = read_quickly(
                    sibling,
                    sibling.words,
                    requires_checkpoint=sibling.requires_checkpoint,
                    marks=self._marks,
                )
            except StoreError as problem:
                unread[label] = problem.diagnostics[0].summary
            else:
                if state is None:
                    unread[label] = "only leftovers of it are there, such as a copy or names in other letters"
                else:
                    states[label] = _with_late(state, read_late(sibling))
        return Siblings(states, unread)

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
        """Yield all records of the journal, oldest first. Raises StoreError for damage."""
        if (read := self._read_whole()) is not None:
            known, journal = read
            yield from read_history(self._words, journal, lineage=known.written.lineage)

    def verify(self) -> VerifiedJournal:
        """Verify that every record follows from the one before it, and that the records lead to the state and its head.

        Raises StoreError for damage, and when nothing was ever recorded.
        """
        if (read := self._read_whole()) is None:
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
        reason: str | None = None,
    ) -> Iterator[Repair]:
        """Open a repair.

        Raises LockHeld as `write` does, and StoreError for parts that are not damaged but must not be
        replaced: those that may not be read, that a newer version wrote, of another stack, or of two histories.
        """
        with self._lock(command=command, who=who, reason=reason, timeout=timeout, on_wait=on_wait) as locked:
            newest, before = locked.checkpoint(), locked.checkpoint(1)
            damaged = DamagedParts(
                state=newest.data if newest else None,
                backup=before.data if before else None,
                journal=read_journal(locked),
            )
            try:
                self._read(locked)
                damage: tuple[Diagnostic, ...] = ()
            except StoreError as refusal:
                damage = refusal.diagnostics
                if damage[0].code == FOREIGN:
                    raise
            salvaged = self._checked_against_mark(salvage(self._words, damaged, damage=damage))
            yield Repair(
                locked,
                self._words,
                clock=self._clock,
                marks=self._marks,
                damaged=damaged,
                salvaged=salvaged,
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
        by_label = sorted(
            (self._store, target), key=lambda store: store.words.label
        )  # so that two renamings never deadlock
        holder = this_process(command, who, reason, since=self._clock.now())
        with (
            by_label[0].lock(holder, timeout=timeout, on_wait=on_wait) as first,
            by_label[1].lock(holder, timeout=timeout, on_wait=on_wait) as second,
        ):
            held, target_held = (first, second) if by_label[0] is self._store else (second, first)
            return Renaming(self._store, target, self._clock, self._marks).rename(held, target_held, entries)

    @property
    def _words(self) -> StoreWords:
        return self._store.words

    def _lock(
        self, *, command: str, who: str, reason: str | None, timeout: float, on_wait: LockWaitListener | None
    ) -> AbstractContextManager[LockedStore]:
        holder = this_process(command, who, reason, since=self._clock.now())
        return lock_with_progress(self._store, holder, self.watch_run(), timeout=timeout, on_wait=on_wait)

    def _read(self, reader: Reader) -> KnownState | None:
        known = read_current(
            reader, self._words, requires_checkpoint=self._store.requires_checkpoint, marks=self._marks
        )
        if known is not None:
            require_owner(self._words, known.state, owner=self._owner)
        return known

    def _read_whole(self) -> tuple[KnownState, bytes] | None:
        read = read_whole(
            self._store, self._words, requires_checkpoint=self._store.requires_checkpoint, marks=self._marks
        )
        if read is not None:
            require_owner(self._words, read[0].state, owner=self._owner)
        return read

    def _checked_against_mark(self, salvaged: Salvaged) -> Salvaged:
        """Mark the result as incomplete when it is older than its high-water mark: everything may be readable in an
        older copy.
        """
        seen = self._marks.load(salvaged.lineage or "")
        if seen is None or salvaged.serial > seen.serial or seen.head in salvaged.heads:
            return salvaged
        return replace(salvaged, is_complete=False, serial=max(salvaged.serial, seen.serial))


def _with_late(state: State, late: Sequence[tuple[Intent, Answer]]) -> State:
    """Apply late answers to open intents. The next run journals the same answers."""
    answers = open_answers(state, late)
    return replay(state, answers) if answers else state
