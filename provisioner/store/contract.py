"""The contract of a store: it keeps logs, keeps checkpoints, and admits one writer at a time.

A folder is one store, a database another.

A log is a chain of records (`chain.py` defines their form) that grows by whole batches, each appended only behind the
head that its writer has seen. The journal is the source of truth. A checkpoint is a state computed from it, which saves
reading it from the beginning. Everything above this contract (`StateStore`, `Session`, the replay) knows no file, table
or address of any store; their names in messages come from `StoreWords`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from provisioner.model.check import CheckResult
from provisioner.model.diagnostic import Diagnostic
from provisioner.model.state import JournalHead
from provisioner.store.words import LockHolder, LockWaitListener, StoreWords, UnlockAdvice

JOURNAL: Final = "journal"
LATE: Final = "late"
"""The log of answers that runs received after losing their lock. Several runs may append to it at the same time."""
START: Final = JournalHead()
"""The head of an empty log."""


class LockType(StrEnum):
    """What keeps other writers out, and thereby what frees a lock whose holder has died."""

    KERNEL = "kernel"
    SERVER = "server"
    LEASE = "lease"


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that were written in one step, and their location for messages."""

    place: str
    data: bytes


@dataclass(frozen=True, slots=True)
class LastRecord:
    """The last record of a log, without its newline.

    `age` is how many seconds ago it was written, by the clock of the store itself; None where the store has none.
    """

    line: bytes
    age: float | None = None


@dataclass(frozen=True, slots=True)
class DamagedParts:
    """The bytes of the newest checkpoint, of the checkpoint before it and of the journal; None for a missing part."""

    state: bytes | None
    backup: bytes | None
    journal: bytes | None


@dataclass(frozen=True, slots=True)
class Intrusion:
    """Evidence that the lock no longer keeps others out.

    `place` cannot be relied on; `found` describes what is wrong there.
    """

    code: str
    place: str
    found: str


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """One check of the place where a state is kept. `doctor` makes it, and reports how long it took.

    `name` is in lower case with hyphens (`disk-space`) and unique in the store, because machines read it. `examine` may block: it
    runs in a thread of its own, and is given up after some seconds. It changes nothing that outlives it. It returns what it found, or
    raises a ProvisionerError, which counts as failed. Failed means that an apply would stop. The check is skipped when one of those
    named in `needs` has failed or was skipped, such as the one that connects.
    """

    name: str
    examine: Callable[[], CheckResult]
    needs: tuple[str, ...] = ()


class NotDone(Exception):  # noqa: N818 - each subclass is an outcome, not a malfunction of this code
    """An operation that was not carried out, or perhaps not. `reason` is a clause about `place`.

    `place` is empty when it is the place that the caller would name anyway.
    """

    def __init__(self, reason: str, place: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.place = place


class Conflict(NotDone):
    """Nothing was written, and retrying is useless: somebody else's record follows the given head."""


class NotWritten(NotDone):
    """Nothing was written. The log is unchanged, and a later append may succeed."""


class Undecided(NotDone):
    """It is unknown whether it was written.

    Until that is known, only the same bytes may be appended behind the same head.
    """


class NotInLog(NotDone):
    """The record that reading should begin with is not in the log."""


class Log(Protocol):
    """An append-only chain of records."""

    def read(self, at: JournalHead = START) -> Iterator[bytes]:
        """Yield the records from that of `at` on, as one or several pieces of bytes; nothing when the log does not
        exist yet.

        The last record may be torn, after a crash. Raises NotInLog, and StoreError when the log cannot be read.
        """

    def last(self) -> LastRecord | None:
        """Return the last complete record without reading the others; None when the log does not exist yet.

        Raises StoreError when the log cannot be read.
        """

    def append(
        self, after: JournalHead, batch: bytes, *, sending: bool = False, mentions: Collection[str] = ()
    ) -> JournalHead:
        """Append `batch` behind the record of `after` and return the new head. Both are durable when this returns.

        An empty batch makes the existing records durable. `sending` means that a call is sent as soon as this is
        durable, so the log first reserves space for its answer. `mentions` are the tokens of the batch (`mentions.py`),
        which a store that keeps an index writes in the same step. Raises Conflict, NotWritten or Undecided.
        """

    def close(self, after: JournalHead, batch: bytes) -> None:
        """Append `batch` as the last one: no append ever succeeds after it. Raises what `append` raises."""

    def release(self) -> None:
        """Release open resources; nothing can be appended after that. Logs of a locked store are released with it."""


class Reader(Protocol):
    """What can be read with and without the lock."""

    def checkpoint(self, age: int = 0) -> Blob | None:
        """Return the newest checkpoint, or the one that is `age` checkpoints older; None when there is none.

        Raises StoreError.
        """

    def log(self, name: str) -> Log: ...


class LockedStore(Reader, Protocol):
    """A store while its lock is held.

    Its writes build on what was read through it: a change in between raises Conflict.
    """

    def intrusion(self) -> Intrusion | None:
        """Return evidence that somebody has bypassed the lock, or that this can't be ruled out.

        Called before anything is sent.
        """

    def taken_over(self) -> Intrusion | None:
        """Return evidence that another run has taken over the lock, by asking the place of the lock itself.

        Called once the state was read: what was read by a run that had stood still may be its successor's, whose writes
        it must not disturb. None where a lock can't be taken over. Raises StoreError.
        """

    def seconds_left(self) -> float:
        """Return for how long the lock is certain to keep other writers out, by a clock that goes on in sleep.

        Infinity for a lock that ends with the process. It may be negative: nobody need have taken the lock since. Minus
        infinity means that somebody has.
        """

    def create_checkpoint(self, sequence: int, data: bytes) -> None:
        """Write the checkpoint of the journal's first `sequence` records.

        It is durable when this returns, and never changes after that.

        Raises Conflict or Undecided.
        """

    def replace(
        self, before: DamagedParts, journal: bytes, state: bytes, *, mentions: Collection[str] = ()
    ) -> tuple[str, ...]:
        """Replace damaged parts by a new journal and its checkpoint.

        `mentions` are the tokens of the whole new journal, which replace those of the old one. Return the names of the
        copies that keep the damaged parts.

        Raises Conflict when the parts are no longer those of `before`, or Undecided.
        """

    def move_to(self, label: str, before: bytes | None, journal: bytes) -> None:
        """Keep this state under another label, whose lock the caller holds as well.

        `before` is the journal as it was read, and `journal` the same with the record of its renaming. A crash leaves
        the whole state under one of both labels, and never under both. Calling this again then completes it: parts of
        this state that an interrupted move has left under that label are replaced.

        What the index mentions moves along. Raises Conflict when a state is kept under that label, and when this one is
        no longer as it was read, or Undecided.
        """

    def clear_moved(self, label: str) -> None:
        """Remove what an interrupted move to `label` has left here, after the state itself had moved.

        Late answers are carried over. Raises Conflict when a state is kept here, or Undecided.
        """


class Store(Reader, Protocol):
    """The place where one state is kept, with the lock that protects it."""

    @property
    def words(self) -> StoreWords: ...

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """Warnings about the place, such as permissions that are too wide."""

    @property
    def lock_type(self) -> LockType: ...

    @property
    def requires_checkpoint(self) -> bool:
        """Whether a journal without its checkpoint counts as damaged.

        This holds for stores whose parts people can copy, move and restore one by one: there each part proves that the
        other is the newest.
        """

    @property
    def checkpoint_after(self) -> int:
        """How many bytes the journal grows at least before the next checkpoint is worth its writing; 0: every run
        writes one.
        """

    def names(self) -> tuple[str, ...]:
        """Return the labels of all states of which any part is kept at the same place, without reading them."""

    def sibling(self, label: str) -> Store:
        """Return the store of another state at the same place."""

    def mentions(self, tokens: Collection[str]) -> Mapping[str, frozenset[str]] | None:
        """Return by label which of these tokens (`mentions.py`) the logs of other states at the same place mention.

        None when the store keeps no index of them. Takes no lock. Raises StoreError.
        """

    def wait(self, seconds: float) -> None:
        """Return as soon as something was appended to a log of this state where the store can tell, and after
        `seconds` at the latest.
        """

    def holder(self) -> LockHolder | None:
        """Return who holds the lock at this moment, or None when it is free. This never disturbs a writer."""

    def unlock_advice(self, holder: LockHolder) -> UnlockAdvice:
        """Explain how to release the lock that `holder` holds."""

    def checks(self) -> Iterator[StoreCheck]:
        """Yield the checks of this place: first whether it can be reached, then rights, conditions and latency.

        Yielding them does nothing yet. What is recorded, the journal and the lock are examined by state_checks.py, through this
        contract.
        """

    def lock(
        self, holder: LockHolder, *, timeout: float, on_wait: LockWaitListener | None = None
    ) -> AbstractContextManager[LockedStore]:
        """Hold the lock while the context is open.

        Raises LockHeld when another run still holds it after `timeout` seconds.
        """
