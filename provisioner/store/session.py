"""A writer's session with a store, under its lock: it appends to the journal, and writes states as its checkpoints.

A failure ends the session, unless it left the log unchanged. The errors name the place and the reason, but not the
entries: the caller prints what the run knows and could not record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from secrets import token_hex
from threading import Lock
from typing import Final
from uuid import uuid4

from provisioner import __version__
from provisioner.model.canonical import JsonObject
from provisioner.model.diagnostic import StoreError, error
from provisioner.model.document import seal
from provisioner.model.identity import Identity
from provisioner.model.journal import Entry, Intended, RunEnded, RunStarted
from provisioner.model.replay import replay
from provisioner.model.state import JournalHead, State
from provisioner.store.clock import StoreClock
from provisioner.store.codec import created_entry, journal_lines, state_to_json
from provisioner.store.contract import JOURNAL, START, LockedStore, Log, NotDone, NotWritten, Undecided
from provisioner.store.high_water_marks import HighWaterMark, HighWaterMarks
from provisioner.store.known_state import KnownState, require_owner
from provisioner.store.late_answers import find_answers, with_late_hint, write_late
from provisioner.store.words import StoreWords

_WRITER_BYTES: Final = 16
_NONCE_BYTES: Final = 8
_ATTEMPTS: Final = 3
"""How often an append with an unknown outcome is tried. A store that will never know fails each time at once."""


class Session:
    """A writing session. Every method raises StoreError.

    A failed write breaks the session for good, because it says nothing about what the store holds. Only `journal-full`
    does not: nothing was written then.
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
    ) -> None:
        """`known` was read through `store`; None before the first run. `late` are answers to intents open in it."""
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
        self._late_log = late_log
        self._kept_late: set[str] = set()
        self._broken: str | None = None
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
        """Create the first state, with a new lineage and serial 1. It is durable before a journal exists."""
        with self._mutex:
            self._require_whole()
            if self._known is not None:
                raise StoreError(error("state-exists", f"{self._words.state} exists already; nothing was changed"))
            state = State(stack=stack, environment=environment, lineage=str(uuid4()), serial=1, identity=identity)
            require_owner(self._words, state)
            hint = f"Nothing was sent. {self._words.make_writable} and try again."
            with self._durably("state-not-written", self._words.state, hint):
                self._store.create_checkpoint(0, _encode(state))
            self._known = KnownState(written=state, state=state, journal_end=0)
            self._save_mark(state.serial, state.head)
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
        """Write the state after all appended entries in one step, unless nothing has happened. Return the state."""
        with self._mutex:
            known = self._require_begun()
            self._append_entries(())
            if self._head == known.written.head:
                return known.state
            state = self._next_state(known)
            data = _encode(state)
            if not self._is_settled:
                self._append(b"")
            hint = (
                f"Nothing is lost: the journal beside it holds everything that was done. {self._words.make_writable}; the next apply "
                "writes the state anew."
            )
            with self._durably("state-not-written", self._words.state, hint):
                self._store.create_checkpoint(self._head.sequence, data)
            self._known = replace(known, written=state, state=state)
            self._entries.clear()
            self._late = ()
            self._save_mark(state.serial, state.head)
            return state

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
        lines, _ = journal_lines(
            self._words,
            [*described, *entries],
            lineage=known.written.lineage,
            serial=known.written.serial,
            head=self._head,
            time=self._clock.now(),
            batch=self._batch(entries),
        )
        sending = any(isinstance(entry, Intended) for entry in entries)
        if sending:
            self._require_alone()
        self._append(lines, sending=sending)
        self._is_described = self._late_is_journaled = True
        if sending:
            self._save_mark(known.written.serial, self._head)
        self._entries.extend(entries)
        return self._head

    def _keep_late(self, entries: Sequence[Entry]) -> bool:
        """Keep answers to our calls in the late log once the session is broken. Return whether it holds all of them."""
        known = self._known
        if known is None or self._broken is None or self._is_over:
            return False
        sent = {entry.intent.id: entry.intent for entry in self._entries if isinstance(entry, Intended)}
        answers = find_answers(entries, {**known.state.intents, **sent})
        new = [(intent, answer) for intent, answer in answers if answer.intent not in self._kept_late]
        batch, lineage = self._batch(entries), known.written.lineage
        if new and write_late(self._late_log, self._words, new, lineage=lineage, batch=batch, clock=self._clock):
            self._kept_late |= {answer.intent for _, answer in new}
        return bool(answers) and self._kept_late.issuperset(answer.intent for _, answer in answers)

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

    def _append(self, lines: bytes, *, sending: bool = False) -> None:
        """Append `lines`. While the outcome is unknown, the same bytes are appended again."""
        hint = (
            f"Nothing more is bought in this run. {self._words.make_writable}, then run the same command again: it looks in the cloud for what was sent "
            "and could not be recorded."
        )
        with self._durably("journal-not-durable", self._words.journal, hint):
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    self._head = self._journal.append(self._head, lines, sending=sending)
                except Undecided:
                    if attempt == _ATTEMPTS:
                        raise
                else:
                    self._is_settled = True
                    return

    def _require_whole(self) -> None:
        if self._broken is not None:
            raise StoreError(
                error(
                    "journal-not-durable",
                    f"{self._words.journal} is closed for the rest of this run: {self._broken}",
                    hint=f"Nothing more is bought in this run. {self._words.make_writable}, then run the same command again: it looks in the cloud for "
                    "what was sent and could not be recorded.",
                )
            )

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
            raise StoreError(
                error(
                    "state-invalid",
                    f"{self._words.state} was not written, because it would contradict itself: {problem}",
                    hint=f"{self._words.journal} holds everything that was done in this run. Please report this.",
                )
            )
        return state

    def _require_alone(self) -> None:
        """Raise before anything is sent if somebody has bypassed the lock, or if that can't be ruled out.

        Such a run never sends again, as the intruder may not show twice. It may still record what it sent before.
        """
        if self._intrusion_error is None and (intrusion := self._store.intrusion()) is not None:
            self._intrusion_error = StoreError(
                error(
                    intrusion.code,
                    f"cannot rely on {intrusion.place}: {intrusion.found}",
                    hint=f"Nothing more is sent in this run. {self._words.end_other_writers}, then run the same command again: it looks in the cloud "
                    "for what was sent and could not be recorded.",
                )
            )
        if self._intrusion_error is not None:
            raise self._intrusion_error

    def _save_mark(self, serial: int, head: JournalHead) -> None:
        """Save a high-water mark. Call this only for what is durable."""
        if self._known is not None:
            self._marks.save(self._known.written.lineage, HighWaterMark(serial, head, self._words.state))

    @contextmanager
    def _durably(self, code: str, place: str, hint: str) -> Iterator[None]:
        try:
            yield
        except NotWritten as full:
            hint = (
                "Nothing of this was written and nothing was sent for it; what is known already can still be recorded. "
                f"{self._words.make_room}, then run the same command again."
            )
            raise StoreError(error("journal-full", f"cannot write {place}: {full.reason}", hint=hint)) from full
        except NotDone as failure:
            self._broken = failure.reason
            raise StoreError(error(code, f"cannot write {place}: {failure.reason}", hint=hint)) from failure
        except BaseException:
            self._broken = "a write was interrupted"
            raise


def _encode(state: State) -> bytes:
    return seal(state_to_json(state), tool=__version__)
