"""From the bytes of a state file and its journal to what is known, or to the reason why they cannot be trusted.

Damage is refused, never healed and never taken for "nothing owned". Pure: bytes and names in, values out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from provisioner.model.diagnostic import SourceRange, StoreError, error
from provisioner.model.document import Damaged, FromNewerVersion, unseal
from provisioner.model.history import HistoryRecord
from provisioner.model.journal import replay
from provisioner.model.state import JournalHead, State
from provisioner.store.chain import BrokenChain, Record, records
from provisioner.store.codec import entry_from_json, state_from_json
from provisioner.store.witness import Sighting

_OR_REBUILD = (
    "Or run `provisioner state rebuild`: it puts together what is still readable here and what the cloud lists, shows it, "
    "and asks before it writes."
)


@dataclass(frozen=True, slots=True)
class Files:
    """Where the parts of one state stand."""

    folder: Path
    label: str

    @property
    def state(self) -> Path:
        return self.folder / f"{self.label}.json"

    @property
    def journal(self) -> Path:
        return self.folder / f"{self.label}.journal"

    @property
    def backup(self) -> Path:
        return self.folder / f"{self.label}.backup"

    @property
    def lock(self) -> Path:
        return self.folder / f"{self.label}.lock"

    @property
    def reserve(self) -> Path:
        return self.folder / f"{self.label}.reserve"


@dataclass(frozen=True, slots=True)
class Known:
    """`written` is the state file's, `state` the same with the journal's tail replayed. The first `journal_end` bytes of
    the journal are whole records; what follows is a torn one.
    """

    written: State
    state: State
    plans: frozenset[str]
    journal_end: int


def read_known(files: Files, *, state: bytes, journal: bytes | None) -> Known:
    """Raises StoreError for damage."""
    written = read_state(files, state, path=files.state)
    if not journal and written.head.sequence > 0:
        raise journal_missing(files, written.head)
    plans: set[str] = set()
    tail: list[Record] = []
    head, end, newest = JournalHead(), 0, 0
    for record in checked_records(files, journal or b"", lineage=written.lineage):
        head, end, newest = record.head, record.end, max(newest, record.serial or 0)
        if head.sequence == written.head.sequence:
            _require_same(files, head, written.head)
        elif head.sequence > written.head.sequence:
            tail.append(record)
        if record.entry.get("type") == "run_started" and isinstance(plan := record.entry.get("plan"), str):
            plans.add(plan)
    if head.sequence < written.head.sequence:
        raise _journal_short(files, head, written.head)
    if written.serial < newest:
        raise _state_older(files, written.serial, newest)
    return Known(written, _replayed(files, written, tail, head=head), frozenset(plans), end)


def read_history(files: Files, journal: bytes, *, lineage: str) -> Iterator[HistoryRecord]:
    for record in checked_records(files, journal, lineage=lineage):
        try:
            yield HistoryRecord(record.sequence, record.time, record.hash, entry_from_json(record.entry))
        except Damaged as problem:
            raise journal_damaged(files, problem, line=record.sequence) from problem


def checked_records(files: Files, journal: bytes, *, lineage: str) -> Iterator[Record]:
    try:
        yield from records(journal, lineage=lineage)
    except BrokenChain as problem:
        raise journal_damaged(files, problem, line=problem.line) from problem


def require_label(files: Files, state: State) -> None:
    """A state under another's name would be planned against the wrong specs."""
    label = state.stack if state.environment is None else f"{state.stack}.{state.environment}"
    if label != files.label:
        raise StoreError(
            error(
                "state-foreign",
                f"{files.state} is the state of {label}, not of {files.label}",
                hint=f"Nothing was changed. Put it back as {label}.json, with its journal, and run the command again.",
            )
        )


def read_state(files: Files, data: bytes, *, path: Path) -> State:
    """`path` is where `data` stood. Raises StoreError: `state-damaged`, `state-format` or `state-foreign`."""
    try:
        state = state_from_json(unseal(data))
    except FromNewerVersion as problem:
        raise StoreError(
            error(
                "state-format",
                f"{path} {problem}",
                hint="Nothing was changed. Use that version, or a later one.",
            )
        ) from problem
    except Damaged as problem:
        raise StoreError(
            error(
                "state-damaged",
                f"{path} {problem}",
                hint=f"Nothing was changed. Put {files.backup.name}, the state before the last run, in its place: "
                f"the journal beside it then brings it up to date. {_OR_REBUILD}",
            )
        ) from problem
    require_label(files, state)
    return state


def _replayed(files: Files, written: State, tail: list[Record], *, head: JournalHead) -> State:
    line = written.head.sequence
    for_replay = []
    try:
        for record in tail:
            line = record.sequence
            for_replay.append(entry_from_json(record.entry))
        state = replace(replay(written, for_replay), head=head)
    except ValueError as problem:
        raise journal_damaged(files, problem, line=line) from problem
    if problem_found := next(state.problems(), None):
        raise journal_damaged(files, Damaged(f"leads to a state that contradicts itself: {problem_found}"), line=line)
    return state


def state_missing(files: Files, beside: Path) -> StoreError:
    return StoreError(
        error(
            "state-missing",
            f"{files.state} is missing beside {beside.name}, which says that servers may be owned",
            hint=f"Nothing was changed. Put {files.backup.name} or your own copy in its place; the journal then brings it "
            f"up to date. {_OR_REBUILD} To begin anew on purpose, move the other files away too.",
        )
    )


def journal_missing(files: Files, head: JournalHead) -> StoreError:
    return StoreError(
        error(
            "journal-missing",
            f"{files.journal} is missing or empty, but the state was made of its first {head.sequence} records",
            hint="Nothing was changed. Put your own copy of the journal back: purchases may stand in it and nowhere else. "
            f"{_OR_REBUILD}",
        )
    )


def _state_older(files: Files, serial: int, newest: int) -> StoreError:
    return StoreError(
        error(
            "state-older",
            f"{files.state} has serial {serial}, and {files.journal.name} was written to beside serial {newest}: an older "
            "copy has been put in its place",
            hint=f"Nothing was changed. Put the newest copy back. {_OR_REBUILD}",
        )
    )


def is_behind(files: Files, known: Known, journal: bytes | None, *, seen: Sighting) -> bool:
    """Whether the record that was seen last is missing. A rebuilt journal lacks it too, and stands beside a higher serial."""
    if known.state.head == seen.head or known.written.serial > seen.serial or seen.head == JournalHead():
        return False
    lines = checked_records(files, journal or b"", lineage=known.written.lineage)
    return not any(record.head == seen.head for record in lines)


def state_behind(files: Files, found: Known, seen: Sighting) -> StoreError:
    has, was = _told(found.written.serial, found.state.head), _told(seen.serial, seen.head)
    there = "it" if seen.location == str(files.state) else seen.location
    return StoreError(
        error(
            "state-older",
            f"{files.state} is an older copy: it has {has}, and you have seen {there} with {was}",
            detail="what was bought or released since stands in neither of its files, so that it would be bought again",
            hint=f"Nothing was changed. Put the newest copy of {files.state.name} and {files.journal.name} back, or work where "
            f"they are. {_OR_REBUILD}",
        )
    )


def _told(serial: int, head: JournalHead) -> str:
    return f"serial {serial} and {head.sequence} records"


def _require_same(files: Files, found: JournalHead, expected: JournalHead) -> None:
    if found != expected:
        problem = Damaged(
            f"is not the record that {files.state.name} was made of: the two files are not of one history"
        )
        raise journal_damaged(files, problem, line=found.sequence)


def _journal_short(files: Files, found: JournalHead, expected: JournalHead) -> StoreError:
    problem = Damaged(f"ends there, but {files.state.name} was made of its first {expected.sequence} records")
    return journal_damaged(files, problem, line=found.sequence)


def journal_damaged(files: Files, problem: ValueError, *, line: int) -> StoreError:
    newer = isinstance(problem, FromNewerVersion)
    return StoreError(
        error(
            "journal-format" if newer else "journal-damaged",
            f"{files.journal}, line {line}: {problem}",
            hint="Nothing was changed. Use the version of this tool that wrote it, or a later one."
            if newer
            else "Nothing was changed. Put your own copy of the journal back. Without one, compare the lines from there on "
            f"with the servers in the cloud before anything else is bought. {_OR_REBUILD}",
            source=SourceRange(str(files.journal), max(line, 1), 1),
        )
    )
