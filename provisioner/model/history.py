"""The journal as history: every record with the run that wrote it and the intent that it is about.

A record alone is not enough: an answer names neither its address nor who sent the call. Pure. `model/audit_events.py`
turns history into events, and `rendering/` shows them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from provisioner.model.address import Address
from provisioner.model.journal import (
    Adopted,
    Answered,
    Approved,
    Arrived,
    Arriving,
    Created,
    Entry,
    Fenced,
    Forgotten,
    Imported,
    Intended,
    Listed,
    Moved,
    Relocated,
    Remembered,
    Renamed,
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
    """A record with its context. `run` is None if it was written outside a run; `intent` is the intent that the entry
    is about, if there is one.
    """

    record: HistoryRecord
    run: RunStarted | None
    intent: Intent | None

    @property
    def entry(self) -> Entry:
        return self.record.entry

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The addresses that the entry is about: none for an entry about a whole run, and several for a purchase of
        several servers and for a move.
        """
        match self.entry:
            case Moved(origin=origin, address=address):
                return (address, origin)
            case Imported() | Remembered() | Stated() | Forgotten():
                return (self.entry.address,)
            case _:
                return self.intent.addresses if self.intent else ()

    @property
    def who(self) -> str | None:
        """Who wrote the record, perhaps not who sent the call that it is about. None if the journal does not say."""
        if self.run is None and isinstance(self.entry, Intended):
            return self.entry.intent.who
        return self.run.who if self.run else None


@dataclass(frozen=True, slots=True)
class VerifiedJournal:
    """The result of verifying a journal: every record follows from the one before it, and together they lead to the
    state.

    `first` and `last` are the times of the first and last record in milliseconds since the epoch; None if there is
    none. `checkpoint` is the record at which the state with this `serial` was written. `torn` is the number of bytes of
    a last record that a crash cut short.
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
    """Yields each record, in order, with its context.

    A run that crashed has no end record, and the next command may settle its doubts before it begins a run of its own.
    Such a settlement is not attributed to the crashed run; its evidence may name who settled it.
    """
    ended = {record.entry.run for record in records if isinstance(record.entry, RunEnded)}
    run: RunStarted | None = None
    intents: dict[str, Intent] = {}
    for record in records:
        match record.entry:
            case Created():
                yield HistoryEntry(record, None, None)
            case Fenced() | Arriving():
                run = None
                yield HistoryEntry(record, None, None)
            case Relocated():
                yield HistoryEntry(record, run, None)
                run = None
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
            case (
                Approved()
                | Listed()
                | Imported()
                | Moved()
                | Remembered()
                | Stated()
                | Forgotten()
                | Renamed()
                | Arrived()
            ):
                yield HistoryEntry(record, run, None)
            case _:
                assert_never(record.entry)


def _settles_a_doubt(entry: Answered | Settled | Adopted) -> bool:
    """Returns whether the entry settles a doubt, rather than recording what the sender itself received."""
    return isinstance(entry, Adopted) or (isinstance(entry, Settled) and entry.outcome in {"observed", "absent"})
