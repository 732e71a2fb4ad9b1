"""A store in memory that keeps the contract, and has the faults of a store behind a network: lost replies, unknown outcomes.

Checkpoints are a cache here, as in every store where nobody copies single parts; and appends are made again with the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

from provisioner.model.diagnostic import LockHeld, error
from provisioner.model.state import JournalHead
from provisioner.store.chain import head_of, is_closing, line_ending
from provisioner.store.contract import (
    START,
    Blob,
    Conflict,
    DamagedParts,
    Intrusion,
    LockType,
    NotInLog,
    NotWritten,
    Undecided,
)
from provisioner.store.words import LockHolder, StoreWords, UnlockAdvice


class Fault(Enum):
    """What happens to one append."""

    LOST_REPLY = "it is written, and the reply is lost"
    UNDECIDED = "it is not written, and nobody can tell"
    NOT_WRITTEN = "there is no room for it"
    TORN = "half of its first record is written"
    FENCED = "somebody else has taken over the lock and appended first"


@dataclass
class Kept:
    """What the store keeps of one state."""

    logs: dict[str, bytes] = field(default_factory=dict)
    checkpoints: dict[int, bytes] = field(default_factory=dict)
    holder: LockHolder | None = None
    is_fenced: bool = False
    aside: list[DamagedParts] = field(default_factory=list)


@dataclass
class Place:
    """All states of one place. `faults` hit the next appends to the log of that name, in turn."""

    states: dict[str, Kept] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    foreign_batch: bytes = b""
    """What the run that takes over the lock appends."""

    def of(self, label: str) -> Kept:
        return self.states.setdefault(label, Kept())


class MemoryLog:
    def __init__(self, place: Place, label: str, name: str) -> None:
        self._place = place
        self._kept = place.of(label)
        self._name = name

    def read(self, at: JournalHead = START) -> Iterator[bytes]:
        if self._name not in self._kept.logs:
            if at != START:
                raise NotInLog("it was never begun")
            return
        begin = 0 if at == START else self._begin(at)
        yield self._kept.logs[self._name][begin:]

    def append(self, after: JournalHead, batch: bytes, *, sending: bool = False) -> JournalHead:
        del sending  # it has room for every answer
        end = 0 if after == START else self._end(after)
        stands = self._kept.logs.get(self._name, b"")
        rest = stands[end:]
        if not rest.endswith(b"\n"):
            rest = rest[: rest.rfind(b"\n") + 1]  # a torn record counts as never written
        if rest:
            if batch and rest.startswith(batch):
                return head_of(batch, after=after)
            raise Conflict("somebody else's record stands behind that one")
        if end and is_closing(stands[:end]):
            raise Conflict("it is closed")
        if not batch:
            return after
        self._write(stands[:end], batch)
        return head_of(batch, after=after)

    def close(self, after: JournalHead, batch: bytes) -> None:
        self.append(after, batch)

    def release(self) -> None:
        """It holds nothing open."""

    def _write(self, before: bytes, batch: bytes) -> None:
        faults = self._place.faults.get(self._name, [])
        match faults.pop(0) if faults else None:
            case Fault.NOT_WRITTEN:
                raise NotWritten("there is no room")
            case Fault.UNDECIDED:
                raise Undecided("the connection broke")
            case Fault.LOST_REPLY:
                self._kept.logs[self._name] = before + batch
                raise Undecided("the connection broke")
            case Fault.TORN:
                self._kept.logs[self._name] = before + batch[: batch.index(b"\n") // 2]
                raise Undecided("the connection broke")
            case Fault.FENCED:
                self._kept.logs[self._name] = before + self._place.foreign_batch
                self._kept.is_fenced = True
                raise Conflict("somebody else's record stands behind that one")
            case None:
                self._kept.logs[self._name] = before + batch

    def _begin(self, at: JournalHead) -> int:
        return self._kept.logs[self._name].rfind(b"\n", 0, self._end(at) - 1) + 1

    def _end(self, at: JournalHead) -> int:
        position = self._kept.logs.get(self._name, b"").find(line_ending(at))
        if position < 0:
            raise NotInLog(f"it holds no record {at.sequence} with that hash")
        return position + len(line_ending(at)) + 1


class MemoryStore:
    """The store, and also what a run writes to while it holds the lock."""

    def __init__(self, place: Place, label: str) -> None:
        self.place = place
        self.kept = place.of(label)
        self._label = label

    @property
    def words(self) -> StoreWords:
        return StoreWords(
            label=self._label,
            state=f"memory://{self._label}",
            journal=f"memory://{self._label}/journal",
            backup=f"memory://{self._label}/before",
            lock=f"memory://{self._label}/lock",
            state_name="the checkpoint",
            journal_name="the journal",
            backup_name="the checkpoint before it",
            rename=lambda label: f"It is that of {label}.",
            restore_state="Delete that checkpoint.",
            restore_lost_state="Restore it.",
            begin_anew="Or take another label.",
            restore_journal="Restore the journal",
            restore_newest="Restore the newest copy.",
            restore_both="Restore the newest copy.",
            separate_histories="Delete the checkpoints.",
            make_writable="Make the store writable",
            make_room="Make room in the store",
            end_other_writers="Find out who else writes",
            lock_free="a lock ends with its connection",
            late=f"memory://{self._label}/late",
            clear_late="Delete the log of late answers.",
        )

    @property
    def warnings(self) -> tuple[()]:
        return ()

    @property
    def lock_type(self) -> LockType:
        return LockType.SERVER

    @property
    def requires_checkpoint(self) -> bool:
        return False

    def checkpoint(self, age: int = 0) -> Blob | None:
        newest_first = sorted(self.kept.checkpoints, reverse=True)
        if age >= len(newest_first):
            return None
        sequence = newest_first[age]
        return Blob(f"checkpoint {sequence}", self.kept.checkpoints[sequence])

    def log(self, name: str) -> MemoryLog:
        return MemoryLog(self.place, self._label, name)

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(label for label, kept in self.place.states.items() if kept.logs or kept.checkpoints))

    def sibling(self, label: str) -> MemoryStore:
        return MemoryStore(self.place, label)

    def holder(self) -> LockHolder | None:
        return self.kept.holder

    def unlock_advice(self, holder: LockHolder) -> UnlockAdvice:
        return UnlockAdvice(f"the lock is held by {holder.who}", "End its connection.")

    @contextmanager
    def lock(self, holder: LockHolder, *, timeout: float, on_wait: object = None) -> Iterator[MemoryStore]:
        del timeout, on_wait
        if self.kept.holder is not None:
            raise LockHeld(error("lock-held", f"{self.kept.holder.who} is at work", hint="Wait."))
        self.kept.holder, self.kept.is_fenced = holder, False
        try:
            yield self
        finally:
            self.kept.holder = None

    def intrusion(self) -> Intrusion | None:
        return Intrusion("lock-lost", self.words.lock, "it was taken over") if self.kept.is_fenced else None

    def create_checkpoint(self, sequence: int, data: bytes) -> None:
        if self.kept.is_fenced or self.kept.checkpoints.setdefault(sequence, data) != data:
            raise Conflict("it stands there with another content")

    def replace(self, before: DamagedParts, journal: bytes, state: bytes) -> tuple[str, ...]:
        newest, older = self.checkpoint(), self.checkpoint(1)
        found = DamagedParts(
            newest.data if newest else None, older.data if older else None, self.kept.logs.get("journal")
        )
        if found != before:
            raise Conflict("it was changed while it was being looked at")
        self.kept.aside.append(found)
        self.kept.logs["journal"] = journal
        self.kept.checkpoints = {journal.count(b"\n"): state}
        return (f"aside {len(self.kept.aside)}",)

    def move_to(self, label: str, before: bytes | None, journal: bytes) -> None:
        target = self.place.of(label)
        if target.logs or target.checkpoints:
            raise Conflict("it holds a state")
        if self.kept.logs.get("journal") != before:
            raise Conflict("it was changed while it was being moved")
        target.logs = {**self.kept.logs, "journal": journal}
        target.checkpoints, self.kept.logs, self.kept.checkpoints = self.kept.checkpoints, {}, {}

    def clear_moved(self, label: str) -> None:
        """It leaves nothing behind."""
