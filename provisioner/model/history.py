"""The journal as it is read afterwards: every record with the run that wrote it and the intent that it is about.

A record alone says too little: an answer names neither its address nor who asked. Pure; which words a person reads is told
by `model/audit_events.py`, how they look by the rendering room.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from provisioner.model.address import Address
from provisioner.model.journal import (
    Adopted,
    Answered,
    Created,
    Entry,
    Forgotten,
    Imported,
    Intended,
    Listed,
    Moved,
    Remembered,
    RunEnded,
    RunStarted,
    Settled,
    Stated,
)
from provisioner.model.state import Intent, JournalHead


@dataclass(frozen=True, slots=True)
class HistoryRecord:
    """One line of the journal. `time` is in milliseconds since the epoch, by the clock of the machine that wrote it."""

    sequence: int
    time: int
    hash: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A record in its context. `run` is None for what was written outside of a run, `intent` the one that the entry is about."""

    record: HistoryRecord
    run: RunStarted | None
    intent: Intent | None

    @property
    def entry(self) -> Entry:
        return self.record.entry

    @property
    def addresses(self) -> tuple[Address, ...]:
        """None for what concerns a whole run; several for one purchase of several, and for a move."""
        match self.entry:
            case Moved(origin=origin, address=address):
                return (address, origin)
            case Imported() | Remembered() | Stated() | Forgotten():
                return (self.entry.address,)
            case _:
                return self.intent.addresses if self.intent else ()

    @property
    def who(self) -> str | None:
        """Who wrote the record, which need not be who sent what it is about; None where the journal does not say."""
        if self.run is None and isinstance(self.entry, Intended):
            return self.entry.intent.who
        return self.run.who if self.run else None


@dataclass(frozen=True, slots=True)
class Verified:
    """A journal whose every record follows from the one before it, and that leads to the state beside it.

    `first` and `last` are the times of its ends in milliseconds since the epoch, None for an empty one. `checkpoint` is the
    record that the state with this `serial` was written at. `torn` counts the bytes of a record that a death cut short.
    """

    records: int
    first: int | None
    last: int | None
    head: JournalHead
    lineage: str
    serial: int
    checkpoint: JournalHead
    torn: int


def with_context(records: Sequence[HistoryRecord]) -> Iterator[HistoryEntry]:
    """Each record, in order, in its context.

    A run that died left no end, and the next command may settle its doubts before a run of its own begins. That is never
    told as the dead run's deed: whose it is then stands in its evidence, or nowhere.
    """
    ended = {record.entry.run for record in records if isinstance(record.entry, RunEnded)}
    run: RunStarted | None = None
    intents: dict[str, Intent] = {}
    for record in records:
        match record.entry:
            case Created():
                yield HistoryEntry(record, None, None)
            case RunStarted() as run:
                yield HistoryEntry(record, run, None)
            case RunEnded():
                yield HistoryEntry(record, run, None)
                run = None
            case Intended(intent=intent):
                intents[intent.id] = intent
                yield HistoryEntry(record, run, intent)
            case Answered() | Settled() | Adopted():
                if run is not None and run.run not in ended and _settles_a_doubt(record.entry):
                    run = None
                yield HistoryEntry(record, run, intents.get(record.entry.intent))
            case Listed() | Imported() | Moved() | Remembered() | Stated() | Forgotten():
                yield HistoryEntry(record, run, None)
            case _:
                assert_never(record.entry)


def _settles_a_doubt(entry: Answered | Settled | Adopted) -> bool:
    """Rather than telling what the sender itself heard."""
    return isinstance(entry, Adopted) or (isinstance(entry, Settled) and entry.outcome in {"observed", "absent"})
