"""Puts a copy of a state with its whole journal into an empty place, for `state migrate` and `state push`.

The journal is copied byte for byte. Records behind it say where it came from, and whether the state may be used here yet.
Where a death has left a part of such a copy, the next run recognises it and completes or replaces it. Nothing else is ever
written over (docs/decisions/0044).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from secrets import token_hex
from shlex import quote
from typing import Final

from provisioner import __version__
from provisioner.model.canonical import JsonObject
from provisioner.model.diagnostic import StoreError, error
from provisioner.model.document import seal
from provisioner.model.journal import Arrived, Arriving, Created, Entry, Fenced, RunEnded, RunStarted
from provisioner.model.replay import replay
from provisioner.model.state import Intent, State
from provisioner.store.appending import append_until_known
from provisioner.store.chain import Record, single_lines
from provisioner.store.clock import StoreClock
from provisioner.store.codec import created_entry, journal_lines, state_to_json
from provisioner.store.contract import JOURNAL, LATE, START, LockedStore, NotDone, Reader, Store
from provisioner.store.current import parts_of, read_journal, read_whole
from provisioner.store.high_water_marks import HighWaterMark, HighWaterMarks
from provisioner.store.known_state import KnownState, checked_records, decode_entry, read_history
from provisioner.store.late_answers import Answer, read_late, write_late
from provisioner.store.mentions import mentions_of, mentions_of_state
from provisioner.store.state_errors import lock_unreliable
from provisioner.store.words import StoreWords

PATIENCE: Final = 60.0
"""For how many seconds an append with an unknown outcome is repeated. See `Session`."""


@dataclass(frozen=True, slots=True)
class CopiedState:
    """What is copied: a state, and the journal of complete records that leads to it.

    `state.head` is the journal's last record, and `state.serial` the highest one that was written. `origin` is the place
    that it comes from. Without `is_described` the journal does not say what it is of.
    """

    state: State
    journal: bytes
    origin: str
    is_described: bool

    @classmethod
    def of(cls, known: KnownState, journal: bytes, origin: str) -> CopiedState:
        complete = journal[: known.journal_end]
        if complete and not complete.endswith(b"\n"):
            complete += b"\n"
        state = replace(known.state, serial=known.written.serial)
        return cls(state, complete, origin, known.is_described)

    def first(self, records: int) -> CopiedState:
        """Return the same up to that record of the journal, which is followed only by the records of the closing."""
        kept = b"".join(line + b"\n" for line in self.journal.split(b"\n")[:records])
        head = START
        for line in single_lines(kept):
            head = line.head if isinstance(line, Record) else head
        return replace(self, journal=kept, state=replace(self.state, head=head))

    @property
    def described(self) -> list[Entry]:
        """What the next records begin with."""
        return [] if self.is_described else [created_entry(self.state)]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a place holds of a copy: how many of its records are copied, and which entries follow them."""

    records: int
    added: tuple[Entry, ...]
    head: Record

    def consists_of(self, *types: type[Entry]) -> bool:
        """Whether the entries behind the copied ones have these types, the last one of them at least once. A run that takes
        over the lock of a dead one adds a record, too.
        """
        allowed = (*types, Created, Fenced)
        return all(isinstance(one, allowed) for one in self.added) and any(
            isinstance(one, types[-1]) for one in self.added
        )

    @property
    def has_come(self) -> bool:
        """Whether it was copied here from another place."""
        return any(isinstance(entry, Arriving | Arrived) for entry in self.added)

    @property
    def is_open(self) -> bool:
        """Whether the state may be used: it was copied here, and has arrived."""
        moves = [entry for entry in self.added if isinstance(entry, Arriving | Arrived)]
        return bool(moves) and isinstance(moves[-1], Arrived)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A copy on its way into `target`, whose lock is held."""

    copied: CopiedState
    target: Store
    held: LockedStore
    clock: StoreClock
    marks: HighWaterMarks

    def find(self) -> Kept | None:
        """Return what is kept there of this copy, or None in an empty place. Raises StoreError `state-exists` otherwise."""
        return find_copy(self.copied, self.target, self.held)

    def install(self, entries: Sequence[Entry], *, serial: int) -> None:
        """Write the journal with `entries` behind it, and its checkpoint, in place of what `find` returned."""
        copied, words = self.copied, self._words
        lines, head = journal_lines(
            words,
            [*copied.described, *entries],
            lineage=copied.state.lineage,
            serial=copied.state.serial,
            head=copied.state.head,
            time=self.clock.now(),
            batch=a_batch(),
        )
        state = replace(replay(copied.state, entries), head=head, serial=serial)
        found = parts_of(self.held)
        history = (record.entry for record in read_history(words, copied.journal, lineage=state.lineage))
        mentions = mentions_of((*history, *copied.described, *entries)) | mentions_of_state(state)
        require_alone(self.held, words)
        with as_store_error(words):
            self.held.replace(found, copied.journal + lines, _encode(state), mentions=mentions)

    def complete(self, kept: Kept, *, serial: int) -> None:
        """Write the checkpoint of a copy that a death has left without one."""
        if self.held.checkpoint() is not None:
            return
        state = replace(replay(self.copied.state, kept.added), head=kept.head.head, serial=serial)
        with as_store_error(self._words):
            self.held.create_checkpoint(state.head.sequence, _encode(state))

    def read_back(self) -> KnownState:
        """Read what is kept there as every other process does, and return it. Raises StoreError where it is not the copy."""
        kept = self.find()
        read = read_whole(
            self.target,
            self._words,
            requires_checkpoint=self.target.requires_checkpoint,
            marks=self.marks,
            kept_elsewhere=True,
        )
        copied = self.copied
        if kept is None or read is None or not read[1].startswith(copied.journal):
            raise _differs(self._words)
        expected = replay(copied.state, kept.added)
        if replace(read[0].state, head=expected.head, serial=expected.serial) != expected:
            raise _differs(self._words)
        return read[0]

    def open(self, run: RunStarted) -> State:
        """Record that the state is kept here from now on, and write its checkpoint."""
        known = self.read_back()
        self.held.checkpoint()
        b"".join(self.held.log(JOURNAL).read())
        entries = (run, Arrived(self.copied.origin), RunEnded(run.run, "ended"))
        lines, head = journal_lines(
            self._words,
            entries,
            lineage=known.written.lineage,
            serial=known.written.serial,
            head=known.state.head,
            time=self.clock.now(),
            batch=a_batch(),
        )
        require_alone(self.held, self._words)
        log = self.held.log(JOURNAL)
        patience = 0.0 if self.target.requires_checkpoint else PATIENCE
        with as_store_error(self._words):
            append_until_known(log, known.state.head, lines, sending=False, clock=self.clock, patience=patience)
            state = replace(replay(known.state, entries), head=head, serial=known.written.serial + 1)
            self.held.create_checkpoint(head.sequence, _encode(state))
        self.save_mark(state)
        return state

    def save_mark(self, state: State) -> None:
        """Note that the state was seen here this far, so that an older copy elsewhere is found out."""
        self.marks.save(state.lineage, HighWaterMark(state.serial, state.head, self._words.state))

    @property
    def _words(self) -> StoreWords:
        return self.target.words


def find_copy(copied: CopiedState, target: Store, reader: Reader) -> Kept | None:
    """Return what is kept in `target`, read by `reader`, of a copy of this state; None in a place that holds nothing.

    Raises StoreError `state-exists` for anything else, also under the same name in other letters.
    """
    words = target.words
    journal = read_journal(reader)
    if not journal:
        names = {name.casefold() for name in target.names()}
        if words.label.casefold() in names or journal is not None or reader.checkpoint() is not None:
            raise state_exists(words)
        return None
    own = {line.hash for line in single_lines(copied.journal) if isinstance(line, Record)}
    try:
        records = tuple(checked_records(words, journal, lineage=copied.state.lineage))
        added = tuple(decode_entry(words, record) for record in records if record.hash not in own)
    except StoreError as damage:
        raise state_exists(words) from damage
    if not records:
        raise state_exists(words)
    return Kept(len(records) - len(added), added, records[-1])


def carry_late(found: Sequence[tuple[Intent, Answer]], target: Store, *, lineage: str, clock: StoreClock) -> int:
    """Append late answers to those of `target`, unless they are there. Return how many were appended."""
    there = read_late(target)
    new = [one for one in found if one not in there]
    words = target.words
    if new and not write_late(lambda: target.log(LATE), words, new, lineage=lineage, batch=a_batch(), clock=clock):
        raise not_copied(words, words.late, "the late answers could not be written")
    return len(new)


def require_alone(held: LockedStore, words: StoreWords) -> None:
    """Raises StoreError if the lock no longer keeps others out."""
    if (intrusion := held.intrusion()) is not None:
        raise lock_unreliable(words, intrusion)


def a_batch() -> JsonObject:
    return {"writer": token_hex(16), "nonce": token_hex(8)}


def state_exists(words: StoreWords) -> StoreError:
    return StoreError(
        error(
            "state-exists",
            f"a state or a part of one is kept at {words.place} under the name {words.label} already",
            hint="Nothing was changed. Name an empty place, or find out what is there: "
            f"`provisioner history --state {quote(words.place)}`.",
        )
    )


def not_copied(words: StoreWords, place: str, reason: str) -> StoreError:
    return StoreError(
        error(
            "state-not-copied",
            f"cannot write {place}: {reason}",
            hint=f"Nothing is lost. {words.make_writable}, then run the same command again: it goes on where this one ended.",
        )
    )


@contextmanager
def as_store_error(words: StoreWords) -> Iterator[None]:
    """Turn an operation that was not done into an error for a person."""
    try:
        yield
    except NotDone as failure:
        raise not_copied(words, failure.place or words.state, failure.reason) from failure


def _differs(words: StoreWords) -> StoreError:
    return StoreError(
        error(
            "state-not-copied",
            f"{words.state} reads back differently from what was written",
            hint="Nothing was changed at the place that it comes from. Do not use this place before its disk or server is checked.",
        )
    )


def _encode(state: State) -> bytes:
    return seal(state_to_json(state), tool=__version__)
