"""A writer's session with a store, under its lock: it appends to the journal, and writes states as its checkpoints.

A failure ends the session, unless it left the log unchanged. The errors name the place and the reason, but not the
entries: the caller prints what the run knows and could not record.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from secrets import token_hex
from threading import Lock
from typing import Final
from uuid import uuid4

from provisioner.model.canonical import JsonObject
from provisioner.model.diagnostic import StoreError, error
from provisioner.model.identity import Identity
from provisioner.model.journal import Entry, Intended, RunEnded, RunStarted
from provisioner.model.replay import replay
from provisioner.model.state import JournalHead, State
from provisioner.store.appending import append_until_known
from provisioner.store.clock import StoreClock
from provisioner.store.codec import created_entry, encode_state, journal_lines
from provisioner.store.contract import JOURNAL, START, Conflict, LockedStore, Log, NotDone, NotWritten
from provisioner.store.high_water_marks import HighWaterMark, HighWaterMarks
from provisioner.store.known_state import KnownState, require_owner
from provisioner.store.late_answers import LateKeeper, with_late_hint
from provisioner.store.mentions import mentions_of
from provisioner.store.state_errors import journal_closed, journal_full, lock_unreliable, state_invalid, taken_over
from provisioner.store.words import StoreWords

_WRITER_BYTES: Final = 16
_NONCE_BYTES: Final = 8
_PATIENCE: Final = 60.0
"""For how many seconds a shared store that may be restarting is asked again. A folder that will never know fails at once."""
_PART_OF_CHECKPOINT: Final = 4
"""A checkpoint is also not worth its writing until the journal has grown by this part of the last one."""


class Session:
    """A writing session. Every method raises StoreError.

    A failed write breaks the session for good, as it says nothing about what the store holds. `journal-full` does not.
    """

    def __init__(
        self,
        store: LockedStore,
        words: StoreWords,
        *,
        clock: StoreClock,
        marks: HighWaterMarks,
        known: KnownState | None,
        late: Sequence[Entry],
        late_log: Callable[[], Log],
        checkpoint_after: int = 0,
        requires_checkpoint: bool = True,
    ) -> None:
        """`known` was read through `store`; None before the first run. `late` are answers to intents open in it.

        `checkpoint_after` and `requires_checkpoint` are those of the store.
        """
        self._store = store
        self._words = words
        self._clock = clock
        self._marks = marks
        self._known = known
        self._journal: Log = store.log(JOURNAL)
        self._head = START if known is None else known.state.head
        self._writer = token_hex(_WRITER_BYTES)
        self._run: str | None = None
        self._is_described = known is not None and known.is_described
        self._is_settled = False
        self._entries: list[Entry] = []
        self._late = tuple(late)
        self._late_is_journaled = not late
        self._late_keeper = LateKeeper(late_log, words, clock)
        self._checkpoint_after = checkpoint_after
        self._requires_checkpoint = requires_checkpoint
        self._patience = 0.0 if requires_checkpoint else _PATIENCE
        self._tail_size = 0 if known is None else known.tail_size
        self._broken: str | None = None
        self._has_lost_lock = False
        self._is_over = False
        self._intrusion_error: StoreError | None = None
        self._mutex = Lock()

    @property
    def state(self) -> State | None:
        """The state as loaded under the lock, or as last created or checkpointed; None before the first run."""
        if self._known is None:
            return None
        return replay(self._known.state, self._late) if self._late else self._known.state

    def create(self, stack: str, environment: str | None, *, identity: Identity) -> State:
        """Create the first state, with a new lineage and serial 1.

        It is durable when this returns: as a checkpoint where the store requires one, and else as the journal's first
        record, so that of two runs that do this at the same time one has a conflict.
        """
        with self._mutex:
            self._require_whole()
            if self._known is not None:
                raise StoreError(error("state-exists", f"{self._words.state} exists already; nothing was changed"))
            state = State(stack=stack, environment=environment, lineage=str(uuid4()), serial=1, identity=identity)
            require_owner(self._words, state)
            self._known = KnownState(written=state, state=state, journal_end=0)
            if self._requires_checkpoint:
                hint = f"Nothing was sent. {self._words.make_writable} and try again."
                with self._durably("state-not-written", self._words.state, hint):
                    self._store.create_checkpoint(0, encode_state(state))
            else:
                self._append(*self._lines([created_entry(state)], state))
                self._is_described = True
            self._save_mark(state.serial, self._head, is_empty=True)
            return state

    def append(self, entries: Sequence[Entry]) -> JournalHead:
        """Append all of `entries` to the journal in one durable write. May be called from any thread.

        Space is reserved before the first intent. When the store is full, facts may use it; entries that contain an
        intent never do, so that nothing is sent whose answer could not be recorded.
        """
        with self._mutex:
            try:
                return self._append_entries(entries)
            except StoreError as failure:
                if self._keep_late(entries):
                    raise with_late_hint(failure, self._words) from failure
                raise

    def checkpoint(self) -> State:
        """Write the state after all appended entries in one step, unless nothing has happened. Return the state.

        Where checkpoints are a cache, one is written only when the journal has grown enough since the last one.
        """
        with self._mutex:
            known = self._require_begun()
            self._append_entries(())
            if self._head == known.written.head:
                return known.state
            state = self._next_state(known)
            if not self._requires_checkpoint and self._tail_size < self._bytes_before_checkpoint(known):
                state = replace(state, serial=known.written.serial)
                self._known = replace(known, state=state)
                self._go_on_from(state)
                return state
            data = encode_state(state)
            if not self._is_settled:
                self._append(b"")
            hint = (
                f"Nothing is lost: the journal beside it holds everything that was done. {self._words.make_writable}; the next apply "
                "writes the state anew."
            )
            with self._durably("state-not-written", self._words.state, hint):
                self._store.create_checkpoint(self._head.sequence, data)
            self._known = replace(known, written=state, state=state, written_size=len(data))
            self._tail_size = 0
            self._go_on_from(state)
            return state

    def seconds_left(self) -> float:
        """Return for how long the lock is certain to keep other writers out. See `LockedStore.seconds_left`."""
        return self._store.seconds_left()

    def close(self) -> None:
        """End the session before the lock is released. Nothing can be written after that."""
        with self._mutex:
            self._broken = self._broken or "the run has ended"
            self._is_over = True

    def _append_entries(self, entries: Sequence[Entry]) -> JournalHead:
        known = self._require_begun()
        if not self._late_is_journaled:
            entries = [*self._late, *(entry for entry in entries if entry not in self._late)]
        if not entries:
            return self._head
        described = [] if self._is_described else [created_entry(known.written)]
        lines, mentions = self._lines([*described, *entries], known.written)
        sending = any(isinstance(entry, Intended) for entry in entries)
        if sending:
            self._require_alone()
        self._append(lines, mentions, sending=sending)
        self._is_described = self._late_is_journaled = True
        if sending:
            self._save_mark(known.written.serial, self._head)
        self._entries.extend(entries)
        return self._head

    def _bytes_before_checkpoint(self, known: KnownState) -> int:
        return max(self._checkpoint_after, known.written_size // _PART_OF_CHECKPOINT)

    def _lines(self, entries: Sequence[Entry], written: State) -> tuple[bytes, frozenset[str]]:
        """Return the records that continue the journal, and what they mention. `written` is the state of the last checkpoint."""
        lines, _ = journal_lines(
            self._words,
            entries,
            lineage=written.lineage,
            serial=written.serial,
            head=self._head,
            time=self._clock.now(),
            batch=self._batch(entries),
        )
        return lines, mentions_of(entries)

    def _go_on_from(self, state: State) -> None:
        """Take `state` as what all entries so far have led to."""
        self._entries.clear()
        self._late = ()
        self._save_mark(state.serial, state.head, is_empty=not (state.resources or state.intents))

    def _keep_late(self, entries: Sequence[Entry]) -> bool:
        """Keep answers to our calls in the late log once the session is broken. Return whether it holds all of them."""
        known = self._known
        if known is None or self._broken is None or self._is_over:
            return False
        sent = {entry.intent.id: entry.intent for entry in self._entries if isinstance(entry, Intended)}
        intents = {**known.state.intents, **sent}
        return self._late_keeper.keep(entries, intents, lineage=known.written.lineage, batch=self._batch(entries))

    def _batch(self, entries: Sequence[Entry]) -> JsonObject:
        """Return what identifies this append. The entry that ends a run still belongs to it."""
        run, ends = self._run, False
        for entry in entries:
            if isinstance(entry, RunStarted):
                run = entry.run
            ends = ends or isinstance(entry, RunEnded)
        self._run = None if ends else run
        batch = {"writer": self._writer, "nonce": token_hex(_NONCE_BYTES)}
        return batch if run is None else {**batch, "run": run}

    def _append(self, lines: bytes, mentions: Collection[str] = (), *, sending: bool = False) -> None:
        """Append `lines`, which bring `mentions`. While the outcome is unknown, the same is appended again: a database may restart."""
        hint = (
            f"Nothing more is bought in this run. {self._words.make_writable}, then run the same command again: it looks in the cloud for what was sent "
            "and could not be recorded."
        )
        with self._durably("journal-not-durable", self._words.journal, hint):
            append = partial(append_until_known, clock=self._clock, patience=self._patience)
            self._head = append(self._journal, self._head, lines, mentions=mentions, sending=sending)
            self._tail_size += len(lines)
            self._is_settled = True

    def _require_whole(self) -> None:
        if self._broken is not None:
            raise journal_closed(self._words, self._broken, has_lost_lock=self._has_lost_lock)

    def _require_begun(self) -> KnownState:
        self._require_whole()
        if self._known is None:
            raise StoreError(error("state-missing", f"{self._words.state} has to be created before its journal begins"))
        return self._known

    def _next_state(self, known: KnownState) -> State:
        try:
            state = replace(replay(known.state, self._entries), serial=known.written.serial + 1, head=self._head)
            problem = next(state.problems(), None)
        except ValueError as contradiction:
            state, problem = known.state, str(contradiction)
        if problem is not None:
            raise state_invalid(self._words, problem)
        return state

    def _require_alone(self) -> None:
        """Raise before anything is sent if somebody may have bypassed the lock. It may still record what it sent before,
        and never sends again, as the intruder may not show twice.
        """
        if self._intrusion_error is None and (intrusion := self._store.intrusion()) is not None:
            self._intrusion_error = lock_unreliable(self._words, intrusion)
        if self._intrusion_error is not None:
            raise self._intrusion_error

    def _save_mark(self, serial: int, head: JournalHead, *, is_empty: bool = False) -> None:
        """Save a high-water mark. Call this only for what is durable."""
        if self._known is not None:
            mark = HighWaterMark(serial, head, self._words.state, is_empty)
            self._marks.save(self._known.written.lineage, mark)

    @contextmanager
    def _durably(self, code: str, place: str, hint: str) -> Iterator[None]:
        try:
            yield
        except NotWritten as full:
            raise journal_full(self._words, place, full.reason) from full
        except NotDone as failure:
            self._broken = failure.reason
            if isinstance(failure, Conflict) and place == self._words.journal:
                self._has_lost_lock = True
                raise taken_over(self._words, failure.reason) from failure
            raise StoreError(error(code, f"cannot write {place}: {failure.reason}", hint=hint)) from failure
        except StoreError as refusal:  # of a store that says itself what a person has to do, such as to grant a right
            self._broken = refusal.diagnostics[0].summary
            raise
        except BaseException:
            self._broken = "a write was interrupted"
            raise
