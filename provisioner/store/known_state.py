"""Reads a checkpoint and its journal into a state, or raises the reason why they cannot be trusted.

Damage is refused: it is never repaired silently and never mistaken for an empty state. These functions are pure: they
take bytes and names, and return values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from provisioner.model.diagnostic import StoreError, error
from provisioner.model.document import Damaged, FromNewerVersion, unseal
from provisioner.model.history import HistoryRecord
from provisioner.model.journal import Arriving, Created, Entry, Relocated, Renamed
from provisioner.model.replay import replay
from provisioner.model.state import JournalHead, State
from provisioner.store.chain import BrokenChain, Record, records, single_lines
from provisioner.store.codec import entry_from_json, state_from_json
from provisioner.store.contract import START
from provisioner.store.state_errors import (
    OR_REBUILD,
    journal_damaged,
    journal_missing,
    journal_short,
    state_arriving,
    state_older,
    state_relocated,
)
from provisioner.store.words import StoreWords

FOREIGN: Final = "state-foreign"
_MOVES: Final = frozenset({"relocated", "arriving", "arrived"})


@dataclass(frozen=True, slots=True)
class Relocation:
    """Says that the state is kept at another place: for good (`Relocated`), or still (`Arriving`).

    `time` is when that was recorded, in milliseconds since the epoch.
    """

    entry: Relocated | Arriving
    time: int

    @property
    def is_final(self) -> bool:
        return isinstance(self.entry, Relocated)


@dataclass(frozen=True, slots=True)
class KnownState:
    """A state and where it was read from.

    `written` is the state of the checkpoint, `state` the same with the journal's tail replayed. The first `journal_end`
    bytes of the journal are complete records; a torn one may follow. `is_described`: the journal begins with an entry
    that names its stack, environment and identity. `written_size` and `tail_size` are the bytes of the checkpoint and
    of the records since. `relocation` is not None for a state that is kept at another place, which only those read who ask
    for it.
    """

    written: State
    state: State
    journal_end: int
    is_described: bool = True
    written_size: int = 0
    tail_size: int = 0
    relocation: Relocation | None = None


def read_known(words: StoreWords, *, state: bytes, journal: bytes | None, kept_elsewhere: bool = False) -> KnownState:
    """Read a checkpoint and its whole journal. Raises StoreError for damage."""
    return replay_tail(words, read_state(words, state, place=words.state), journal, kept_elsewhere=kept_elsewhere)


def replay_tail(
    words: StoreWords,
    written: State,
    journal: bytes | None,
    *,
    is_whole: bool = True,
    kept_elsewhere: bool = False,
) -> KnownState:
    """Replay what the journal has recorded since the checkpoint `written`. Raises StoreError for damage, and for a state
    that is kept at another place unless `kept_elsewhere` asks for that one, too.

    `is_whole`: `journal` is complete; else it begins with the record of the checkpoint's head.
    """
    require_label(words, written, journal)
    if not journal and written.head.sequence > 0:
        raise journal_missing(words, written.head)
    tail: list[Record] = []
    head, end, newest, tail_begin = START, 0, 0, 0
    at = START if is_whole else written.head
    created: Record | None = None
    renamed: Renamed | None = None
    move: Record | None = None
    for record in checked_records(words, journal or b"", lineage=written.lineage, at=at):
        head, end, newest = record.head, record.end, max(newest, record.serial or 0)
        if head.sequence == written.head.sequence:
            _require_same(words, head, written.head)
            tail_begin = end
        elif head.sequence > written.head.sequence:
            tail.append(record)
        match record.entry.get("type"):
            case "created":
                created = record
            case name if name in _MOVES:
                move = record
            case "renamed" if head.sequence <= written.head.sequence:
                renamed = _decode_renamed(words, record)
    relocation = None if move is None else _relocation(words, move)
    if relocation is not None and not kept_elsewhere:
        raise kept_elsewhere_error(words, relocation)
    if created is not None:
        _require_same_owner(words, created, renamed, written)
    if head.sequence < written.head.sequence:
        raise journal_short(words, head, written.head)
    if written.serial < newest:
        raise state_older(words, written.serial, newest)
    state = _replay(words, written, tail, head=head)
    require_owner(words, state)
    is_described = created is not None or not is_whole
    return KnownState(written, state, end, is_described, tail_size=end - tail_begin, relocation=relocation)


def find_relocation(words: StoreWords, journal: bytes) -> Relocation | None:
    """Return what the readable lines of a journal, which may be damaged, say about another place that keeps the state."""
    lines = (line for line in single_lines(journal) if isinstance(line, Record) and line.entry.get("type") in _MOVES)
    last = next(iter([*lines][-1:]), None)
    return None if last is None else _relocation(words, last)


def kept_elsewhere_error(words: StoreWords, relocation: Relocation) -> StoreError:
    match relocation.entry:
        case Relocated(to=to):
            return state_relocated(words, to, time=relocation.time)
        case Arriving(origin=origin):
            return state_arriving(words, origin)


def initial_state(words: StoreWords, journal: bytes) -> State | None:
    """Return the state that the journal started from, for when all checkpoints are lost.

    None if there is no entry `created`.
    """
    first = next(single_lines(journal), None)
    if not isinstance(first, Record) or first.lineage is None:
        return None
    match decode_entry(words, first):
        case Created(stack=stack, environment=environment, identity=identity):
            serial = max(line.serial or 1 for line in single_lines(journal) if isinstance(line, Record))
            return State(stack, environment, first.lineage, serial, identity)
        case _:
            return None


def read_history(words: StoreWords, journal: bytes, *, lineage: str) -> Iterator[HistoryRecord]:
    """Yield all records of the journal with their entries. Raises StoreError for damage."""
    for record in checked_records(words, journal, lineage=lineage):
        yield HistoryRecord(record.sequence, record.time, record.hash, decode_entry(words, record))


def decode_entry(words: StoreWords, record: Record) -> Entry:
    """Return the record's entry. Raises StoreError for damage."""
    try:
        return entry_from_json(record.entry)
    except Damaged as problem:
        raise journal_damaged(words, problem, line=record.sequence) from problem


def checked_records(words: StoreWords, journal: bytes, *, lineage: str, at: JournalHead = START) -> Iterator[Record]:
    """Yield the records of the journal like `chain.records`. Raises StoreError for damage."""
    try:
        yield from records(journal, lineage=lineage, at=at)
    except BrokenChain as problem:
        raise journal_damaged(words, problem, line=problem.line) from problem


def require_label(words: StoreWords, written: State, journal: bytes | None) -> None:
    """Refuse a checkpoint that was written under another label, unless the journal says that it was renamed since.

    Raises StoreError `state-foreign`.
    """
    if written.label != words.label and written.label not in former_labels(journal or b""):
        require_owner(words, written)


def former_labels(journal: bytes) -> frozenset[str]:
    """Return the labels that the state had before it was renamed, as far as these lines of its journal tell."""
    if b'"type":"renamed"' not in journal:
        return frozenset()
    entries = (line.entry for line in single_lines(journal) if isinstance(line, Record))
    return frozenset(str(entry.get("former")) for entry in entries if entry.get("type") == "renamed")


def require_owner(words: StoreWords, state: State, *, owner: tuple[str, str | None] | None = None) -> None:
    """Refuse a foreign state, which would be planned against the wrong specs. Raises StoreError `state-foreign`.

    A state is foreign when it is kept under another state's label, or when another stack and environment only yield the
    same label.
    """
    if state.label != words.label:
        summary = f"{words.state} is the state of {state.label}, not of {words.label}"
        raise StoreError(error(FOREIGN, summary, hint=f"Nothing was changed. {words.rename(state.label)}"))
    if owner is not None and (state.stack, state.environment) != owner:
        summary = f"the state at {words.state} belongs to stack {state.stack!r}, environment {state.environment!r}"
        raise StoreError(error(FOREIGN, summary, hint="check `stack:` in stack.yaml, -e and --state"))


def read_state(words: StoreWords, data: bytes, *, place: str) -> State:
    """Read a checkpoint from `data`, found at `place`, whatever stack and environment it is of.

    Raises StoreError `state-damaged` or `state-format`.
    """
    try:
        return state_from_json(unseal(data))
    except FromNewerVersion as problem:
        raise StoreError(
            error(
                "state-format",
                f"{place} {problem}",
                hint="Nothing was changed. Use that version, or a later one.",
            )
        ) from problem
    except Damaged as problem:
        raise StoreError(
            error(
                "state-damaged",
                f"{place} {problem}",
                hint=f"Nothing was changed. {words.restore_state} {OR_REBUILD}",
            )
        ) from problem


def _replay(words: StoreWords, written: State, tail: list[Record], *, head: JournalHead) -> State:
    line = written.head.sequence
    entries = []
    try:
        for record in tail:
            line = record.sequence
            entries.append(entry_from_json(record.entry))
        state = replace(replay(written, entries), head=head)
    except ValueError as problem:
        raise journal_damaged(words, problem, line=line) from problem
    if problem_found := next(state.problems(), None):
        raise journal_damaged(words, Damaged(f"leads to a state that contradicts itself: {problem_found}"), line=line)
    return state


def _require_same_owner(words: StoreWords, record: Record, renamed: Renamed | None, written: State) -> None:
    """Raise when the journal was created for another state than `written`, or last renamed to another one."""
    created = decode_entry(words, record)
    if not isinstance(created, Created):
        return
    owner = renamed or created
    expected = (written.stack, written.environment, written.identity)
    if (owner.stack, owner.environment, created.identity) != expected:
        problem = Damaged(f"was begun for another stack, environment or account than {words.state_name} is of")
        raise journal_damaged(words, problem, line=record.sequence)


def _relocation(words: StoreWords, record: Record) -> Relocation | None:
    entry = decode_entry(words, record)
    return Relocation(entry, record.time) if isinstance(entry, Relocated | Arriving) else None


def _decode_renamed(words: StoreWords, record: Record) -> Renamed | None:
    entry = decode_entry(words, record)
    return entry if isinstance(entry, Renamed) else None


def _require_same(words: StoreWords, found: JournalHead, expected: JournalHead) -> None:
    if found != expected:
        problem = Damaged(
            f"is not the record that {words.state_name} was made of: the two files are not of one history"
        )
        raise journal_damaged(words, problem, line=found.sequence)
