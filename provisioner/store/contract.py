"""What a store has to do: keep logs, keep checkpoints, and let one writer in at a time. A folder is one store, a database another.

A log is a chain of records (`chain.py` has their form) that grows by whole batches, each appended only behind the head that its writer
has seen. The journal is the truth; a checkpoint is a state that was made of it, and saves reading it from its beginning.
Everything above this contract (`StateStore`, `Session`, the replay) knows no file, table or address of any store; what a person reads
about these comes from `StoreWords`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

from provisioner.model.diagnostic import Diagnostic
from provisioner.model.state import JournalHead

JOURNAL: Final = "journal"
LATE: Final = "late"
"""What was answered to runs that had lost their lock. Several may append to it at the same time."""
START: Final = JournalHead()
"""Before the first record."""


class LockType(StrEnum):
    """What keeps other writers out, and so what ends a lock whose holder has died."""

    KERNEL = "kernel"
    SERVER = "server"
    LEASE = "lease"


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Who is at work. `since` is in milliseconds since the epoch; `id` names this hold of the lock, and older versions wrote none."""

    who: str
    pid: int
    host: str
    command: str
    since: int
    id: str | None = None

    @property
    def work(self) -> str:
        """What they do, where and since when."""
        since = datetime.fromtimestamp(self.since / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"`{self.command}`, process {self.pid} on {self.host}, since {since}"


LockWaitListener: TypeAlias = Callable[[LockHolder, float], None]
"""Told at every look at a held lock: its holder, and the seconds waited so far."""


@dataclass(frozen=True, slots=True)
class UnlockAdvice:
    """How a lock that is held comes to its end, for a person: what holds it, and what can be done about that."""

    summary: str
    hint: str


@dataclass(frozen=True, slots=True)
class StoreWords:
    """What a store calls the parts of a state, and what a person can do about them there. Remedies are whole sentences.

    `label` is the name under which the state is kept. A place is named in full, and by its short name in the rest of a message.
    """

    label: str
    state: str
    journal: str
    backup: str
    lock: str
    state_name: str
    journal_name: str
    backup_name: str
    rename: Callable[[str], str]
    """For a state that stands under another label than its own, which is given."""
    restore_state: str
    restore_lost_state: str
    begin_anew: str
    restore_journal: str
    restore_newest: str
    restore_both: str
    separate_histories: str
    make_writable: str
    make_room: str
    end_other_writers: str
    lock_free: str
    late: str
    """Where the log of late answers is."""
    clear_late: str


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that were written once, and where they stand, for messages."""

    place: str
    data: bytes


@dataclass(frozen=True, slots=True)
class DamagedParts:
    """The bytes of the newest checkpoint, of the one before it and of the journal; None for one that is missing."""

    state: bytes | None
    backup: bytes | None
    journal: bytes | None


@dataclass(frozen=True, slots=True)
class Intrusion:
    """What shows that the lock does not keep others out any more: `place` cannot be relied on, and what was `found` there."""

    code: str
    place: str
    found: str


class NotDone(Exception):  # noqa: N818 - each says an outcome, and none of them is a malfunction of this code
    """`reason` is a clause about `place`, where that is another one than the caller would name."""

    def __init__(self, reason: str, place: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.place = place


class Conflict(NotDone):
    """Nothing of it is there, and it never will be: somebody else's record stands behind the head that was given."""


class NotWritten(NotDone):
    """Nothing of it is there now. The log is as it was, and a later append may succeed."""


class Undecided(NotDone):
    """It may be there or not. Until that is known only the same bytes may be appended, behind the same head."""


class NotInLog(NotDone):
    """The record that reading was to begin with is not in the log."""


class Log(Protocol):
    def read(self, at: JournalHead = START) -> Iterator[bytes]:
        """The records from the one of `at` on, as one or several pieces of bytes; nothing where the log was never begun.

        A record that a death cut short may stand at its end. Raises NotInLog, and StoreError where the log cannot be read.
        """

    def append(self, after: JournalHead, batch: bytes, *, sending: bool = False) -> JournalHead:
        """The head of `batch`, which is durable when this returns, behind everything up to `after`.

        An empty batch makes sure of what stands there already. `sending`: a call is sent once this is durable, so the log first makes
        sure that its answer will find room. Raises Conflict, NotWritten or Undecided.
        """

    def close(self, after: JournalHead, batch: bytes) -> None:
        """Appends `batch` as the last one: no append ever succeeds behind it. Raises as `append` does."""

    def release(self) -> None:
        """Lets go of what it holds open: nothing is appended by it any more. Those of a hold are released with it."""


class Reader(Protocol):
    def checkpoint(self, age: int = 0) -> Blob | None:
        """The newest checkpoint, or the one that many before it; None where there is none of that age. Raises StoreError."""

    def log(self, name: str) -> Log: ...


class LockedStore(Reader, Protocol):
    """The store while its lock is held. What is read through it is what its writes build on: a change in between is a Conflict."""

    def intrusion(self) -> Intrusion | None:
        """Asked before anything is sent: whether somebody has got round the lock, or nobody can tell."""

    def create_checkpoint(self, sequence: int, data: bytes) -> None:
        """Makes the checkpoint of the journal's first `sequence` records, durable when this returns. It is made once and
        never changed. Raises Conflict or Undecided.
        """

    def replace(self, before: DamagedParts, journal: bytes, state: bytes) -> tuple[str, ...]:
        """Puts a new journal and its checkpoint in the place of damaged ones, and returns the names under which what stood there
        is kept. Raises Conflict where that is not `before` any more, or Undecided.
        """


class Store(Reader, Protocol):
    @property
    def words(self) -> StoreWords: ...

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What is unwise about the place, though it works."""

    @property
    def lock_type(self) -> LockType: ...

    @property
    def requires_checkpoint(self) -> bool:
        """Whether a journal without its checkpoint is damage. So where single parts can be copied, moved and restored by
        people: each then proves of the other that it is the newest.
        """

    def names(self) -> tuple[str, ...]:
        """The labels of all states of which anything is kept at the same place, without reading any."""

    def sibling(self, label: str) -> Store:
        """The store of another state at the same place."""

    def holder(self) -> LockHolder | None:
        """Who holds the lock at this moment; None when it is free. Disturbs nobody."""

    def unlock_advice(self, holder: LockHolder) -> UnlockAdvice: ...

    def lock(
        self, holder: LockHolder, *, timeout: float, on_wait: LockWaitListener | None = None
    ) -> AbstractContextManager[LockedStore]:
        """Raises LockHeld when another run still holds the lock after `timeout` seconds."""
