"""A backend in memory, which has the faults of one behind a network: lost replies, unknown outcomes.

With `shared_store` it is a store whose lock is a lease, as every store that several machines share.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import count

from provisioner.model.check import passed
from provisioner.model.state import JournalHead
from provisioner.store.chain import head_of, is_closing, line_ending
from provisioner.store.contract import (
    JOURNAL,
    START,
    Blob,
    Conflict,
    DamagedParts,
    LastRecord,
    NotInLog,
    NotWritten,
    StoreCheck,
    Undecided,
)
from provisioner.store.lease_record import LEASE, LeaseTerms
from provisioner.store.shared_store import SharedStore
from provisioner.store.words import StoreWords

_numbers = count(1)
SHORT = LeaseTerms(seconds=0.3, renew_after=0.05, poll=0.02)
"""The terms of a lease that is over in a moment."""


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
    mentioned: dict[str, set[str]] = field(default_factory=dict)
    """By name of the log."""
    aside: list[DamagedParts] = field(default_factory=list)


@dataclass
class Place:
    """All states of one place. `faults` hit the next appends to the log of that name, in turn."""

    states: dict[str, Kept] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    foreign_batch: bytes = b""
    """What the run that takes over the lock appends."""
    name: str = field(default_factory=lambda: f"place-{next(_numbers)}")
    questions: list[int] = field(default_factory=list)
    """How many tokens each question to the index was about."""
    before_step: Callable[[str, str, str], None] = lambda _label, _log, _step: None
    """Called before each step with the label, the name of the log and what is done: tests let others go first there."""

    def of(self, label: str) -> Kept:
        return self.states.setdefault(label, Kept())


class MemoryLog:
    def __init__(self, place: Place, label: str, name: str) -> None:
        self._place = place
        self._label = label
        self._kept = place.of(label)
        self._name = name

    def read(self, at: JournalHead = START) -> Iterator[bytes]:
        if self._name not in self._kept.logs:
            if at != START:
                raise NotInLog("it was never begun")
            return
        self._place.before_step(self._label, self._name, "read")
        begin = 0 if at == START else self._begin(at)
        yield self._kept.logs[self._name][begin:]

    def last(self) -> LastRecord | None:
        self._place.before_step(self._label, self._name, "last")
        stands = self._kept.logs.get(self._name, b"")
        lines = stands[: stands.rfind(b"\n") + 1].splitlines()
        return LastRecord(lines[-1]) if lines else None

    def append(
        self, after: JournalHead, batch: bytes, *, sending: bool = False, mentions: Collection[str] = ()
    ) -> JournalHead:
        del sending  # it has room for every answer
        self._place.before_step(self._label, self._name, "append")
        return self._append(after, batch, mentions)

    def _append(self, after: JournalHead, batch: bytes, mentions: Collection[str]) -> JournalHead:
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
        self._write(stands[:end], batch, mentions)
        return head_of(batch, after=after)

    def close(self, after: JournalHead, batch: bytes) -> None:
        self.append(after, batch)

    def release(self) -> None:
        """It holds nothing open."""

    def _write(self, before: bytes, batch: bytes, mentions: Collection[str]) -> None:
        faults = self._place.faults.get(self._name, [])
        match faults.pop(0) if faults else None:
            case Fault.NOT_WRITTEN:
                raise NotWritten("there is no room")
            case Fault.UNDECIDED:
                raise Undecided("the connection broke")
            case Fault.LOST_REPLY:
                self._keep(before + batch, mentions)
                raise Undecided("the connection broke")
            case Fault.TORN:
                self._kept.logs[self._name] = before + batch[: batch.index(b"\n") // 2]
                raise Undecided("the connection broke")
            case Fault.FENCED:
                self._kept.logs[self._name] = before + self._place.foreign_batch
                raise Conflict("somebody else's record stands behind that one")
            case None:
                self._keep(before + batch, mentions)

    def _keep(self, lines: bytes, mentions: Collection[str]) -> None:
        """Writes the lines and what they mention in one step."""
        self._kept.logs[self._name] = lines
        self._kept.mentioned.setdefault(self._name, set()).update(mentions)

    def _begin(self, at: JournalHead) -> int:
        return self._kept.logs[self._name].rfind(b"\n", 0, self._end(at) - 1) + 1

    def _end(self, at: JournalHead) -> int:
        position = self._kept.logs.get(self._name, b"").find(line_ending(at))
        if position < 0:
            raise NotInLog(f"it holds no record {at.sequence} with that hash")
        return position + len(line_ending(at)) + 1


class MemoryBackend:
    """All states of a place."""

    def __init__(self, place: Place) -> None:
        self.place = place

    @property
    def warnings(self) -> tuple[()]:
        return ()

    def words(self, label: str) -> StoreWords:
        return StoreWords(
            label=label,
            place=f"memory://{self.place.name}",
            state=f"memory://{label}",
            journal=f"memory://{label}/journal",
            backup=f"memory://{label}/before",
            lock=f"memory://{label}/lock",
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
            late=f"memory://{label}/late",
            clear_late="Delete the log of late answers.",
        )

    def checks(self, label: str) -> Iterator[StoreCheck]:
        yield StoreCheck("memory", lambda: passed(f"this process keeps {label}"))

    def names(self) -> tuple[str, ...]:
        kept = self.place.states.items()
        return tuple(sorted(label for label, one in kept if one.checkpoints or one.logs.keys() - {LEASE}))

    def log(self, label: str, name: str) -> MemoryLog:
        return MemoryLog(self.place, label, name)

    def checkpoint(self, label: str, age: int = 0) -> Blob | None:
        checkpoints = self.place.of(label).checkpoints
        newest_first = sorted(checkpoints, reverse=True)
        if age >= len(newest_first):
            return None
        return Blob(f"checkpoint {newest_first[age]}", checkpoints[newest_first[age]])

    def create_checkpoint(self, label: str, sequence: int, data: bytes) -> None:
        self.place.before_step(label, "checkpoints", "create")
        if self.place.of(label).checkpoints.setdefault(sequence, data) != data:
            raise Conflict("it stands there with another content")

    def mentions(self, label: str, tokens: Collection[str]) -> Mapping[str, frozenset[str]]:
        self.place.questions.append(len(tokens))
        asked = {*tokens}
        others = {
            name: asked & set().union(*kept.mentioned.values())
            for name, kept in self.place.states.items()
            if name != label
        }
        return {name: frozenset(found) for name, found in others.items() if found}

    def replace(
        self, label: str, before: DamagedParts, journal: bytes, state: bytes, *, mentions: Collection[str] = ()
    ) -> tuple[str, ...]:
        kept, newest, older = self.place.of(label), self.checkpoint(label), self.checkpoint(label, 1)
        found = DamagedParts(newest.data if newest else None, older.data if older else None, kept.logs.get(JOURNAL))
        if found != before:
            raise Conflict("it was changed while it was being looked at")
        kept.aside.append(found)
        kept.logs[JOURNAL], kept.mentioned[JOURNAL] = journal, {*mentions}
        kept.checkpoints = {journal.count(b"\n"): state}
        return (f"aside {len(kept.aside)}",)

    def move(self, label: str, target: str, before: bytes | None, journal: bytes) -> None:
        kept, moved = self.place.of(label), self.place.of(target)
        if moved.checkpoints or moved.logs.keys() - {LEASE}:
            raise Conflict("it holds a state")
        if kept.logs.get(JOURNAL) != before:
            raise Conflict("it was changed while it was being moved")
        moved.logs |= {name: lines for name, lines in kept.logs.items() if name != LEASE} | {JOURNAL: journal}
        moved.checkpoints, moved.mentioned = kept.checkpoints, kept.mentioned
        kept.logs = {name: lines for name, lines in kept.logs.items() if name == LEASE}
        kept.checkpoints, kept.mentioned = {}, {}

    def wait(self, label: str, seconds: float) -> None:
        del label
        time.sleep(seconds)


def shared_store(place: Place, label: str) -> SharedStore:
    """A store of this place with the lease of a test: over in a moment. Every run writes a checkpoint."""
    return SharedStore(MemoryBackend(place), label, terms=SHORT, checkpoint_after=0)
