"""Salvages what is readable of damaged parts: every intact state and line, and the state that they lead to.

A state includes everything up to its head, so damage before that loses nothing. Lines after a break in the chain are
still used one by one, because each contains its own hash. Nothing is guessed: what cannot be read is reported as
missing. These functions are pure: they take bytes and names, and return values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from provisioner.model.address import Address
from provisioner.model.diagnostic import Diagnostic, StoreError, error
from provisioner.model.document import Damaged, FromNewerVersion
from provisioner.model.identity import Identity
from provisioner.model.journal import Created, Entry, Remembered
from provisioner.model.replay import replay
from provisioner.model.resource import Recorded
from provisioner.model.state import Intent, JournalHead, State
from provisioner.store.chain import Record, anchor, single_lines
from provisioner.store.codec import entry_from_json
from provisioner.store.contract import START, DamagedParts
from provisioner.store.known_state import read_state, require_label
from provisioner.store.partial_replay import PartialReplay
from provisioner.store.state_errors import journal_damaged
from provisioner.store.words import StoreWords

_ADDRESS = re.compile(rb'"address":("(?:[^"\\]|\\.)*")')
_LINEAGE = re.compile(rb'"lineage":\s*"([0-9A-Za-z-]{1,64})"')
Lines: TypeAlias = Sequence[Record | bytes]
"""The lines of a journal in their order. A line that holds no valid record is kept as bytes."""


@dataclass(frozen=True, slots=True)
class SalvagedPart:
    """One part of a state that has to be rebuilt. `found` describes what can still be read of it."""

    name: str
    found: str


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What can still be read, and what it leads to. `damage` is why the store refuses the state, if it does."""

    damage: tuple[Diagnostic, ...]
    parts: tuple[SalvagedPart, ...]
    lineage: str | None
    """None when it is lost or cannot be proven."""
    identity: Identity | None
    serial: int
    """The highest that any part states or a lost state can have had; 0 when no part states one."""
    heads: frozenset[JournalHead]
    """The heads of all records that can be read, and of the state that the replay began with."""
    resources: Mapping[Address, Recorded]
    intents: Mapping[str, Intent]
    absent: Mapping[str, Intent]
    """Purchases that were presumed never to have been executed."""
    unplaced: tuple[Remembered, ...]
    """Facts about addresses whose purchase is in an unreadable line."""
    unattributed_ids: tuple[str, ...]
    """Ids and order ids in answers to requests that cannot be read."""
    mentioned: frozenset[Address]
    """Addresses that unreadable lines seem to be about: a purchase for them may have been under way."""
    is_complete: bool
    """Whether it is certain that nothing recorded is missing."""
    is_empty: bool
    """Whether there is no part at all."""


def salvage(words: StoreWords, damaged: DamagedParts, *, damage: Sequence[Diagnostic]) -> Salvaged:
    """Salvage a damaged state. Raises StoreError for parts of a newer version, another stack or two histories."""
    states = dict(_states(words, damaged))
    for state in filter(None, states.values()):
        require_label(words, state, damaged.journal)
    lines = tuple(single_lines(damaged.journal or b""))
    base = _base(words, states, lines)
    head = base.head if base else START
    lineage = base.lineage if base else _proven_lineage(damaged, lines)
    rest = _not_included(lines, head)
    linked = _linked(rest, head, lineage=lineage)
    loose = _in_order(rest[len(linked) :], above=linked[-1].sequence if linked else head.sequence)
    replayed = _replay(words, base, linked, loose)
    reaches = bool(linked) or any(line.head == head for line in _intact(lines))
    return Salvaged(
        damage=tuple(damage),
        parts=_parts(words, damaged, states, lines),
        lineage=lineage,
        identity=base.identity if base else _identity_from_journal(words, lines),
        serial=_highest_serial(words, states, lines),
        heads=frozenset({base.head if base else START, *(line.head for line in _intact(lines))}),
        resources=replayed.state.resources,
        intents=replayed.state.intents,
        absent=replayed.state.absent,
        unplaced=replayed.unplaced,
        unattributed_ids=replayed.unattributed_ids,
        mentioned=frozenset(address for line in rest if isinstance(line, bytes) for address in _addresses(line)),
        is_complete=reaches and replayed.is_whole and len(linked) == len(rest),
        is_empty=damaged == DamagedParts(None, None, None),
    )


def _states(words: StoreWords, damaged: DamagedParts) -> Iterator[tuple[str, State | None]]:
    """Yield the states with the names of their parts; None for a damaged one."""
    parts = (
        (words.state_name, words.state, damaged.state),
        (words.backup_name, words.backup, damaged.backup),
    )
    for name, place, data in parts:
        if data is None:
            continue
        try:
            yield name, read_state(words, data, place=place)
        except StoreError as refusal:
            if refusal.diagnostics[0].code != "state-damaged":
                raise
            yield name, None


def _base(words: StoreWords, states: dict[str, State | None], lines: Lines) -> State | None:
    """Return the newest intact state that the journal continues; None when it is complete by itself, or none is intact.

    Raises StoreError when journal and state belong to different histories.
    """
    intact = [state for state in states.values() if state is not None]
    candidates = [state for state in intact if state.lineage == intact[0].lineage and not _is_superseded(state, lines)]
    base = max(candidates, key=lambda state: state.serial, default=None)
    if base is None:
        return None
    for line in _intact(lines):
        foreign = line.sequence == 1 and line.previous != anchor(base.lineage, START)
        if foreign or (line.sequence == base.head.sequence and line.hash != base.head.hash):
            raise _histories_conflict(words, line)
    return base


def _intact(lines: Lines) -> list[Record]:
    return [line for line in lines if isinstance(line, Record)]


def _first(lines: Lines) -> Record | None:
    return next((line for line in _intact(lines) if line.sequence == 1), None)


def _identity_from_journal(words: StoreWords, lines: Lines) -> Identity | None:
    """Return the identity that the journal was created for; None when its first entry is lost."""
    entries = (_entry(words, line) for line in _intact(lines) if line.entry.get("type") == "created")
    return next((entry.identity for entry in entries if isinstance(entry, Created)), None)


def _highest_serial(words: StoreWords, states: dict[str, State | None], lines: Lines) -> int:
    """Return the highest serial.

    A lost state was at most one ahead of what is left, because the next checkpoint needs another line.
    """
    serials = [line.serial or 0 for line in _intact(lines)]
    serials += [state.serial for state in states.values() if state is not None]
    is_lost = states.get(words.state_name) is None
    return max(serials) + is_lost if serials else 0


def _is_superseded(state: State, lines: Lines) -> bool:
    """Whether a rebuild has written the journal after this state. Such a journal is complete by itself."""
    first = _first(lines)
    return first is not None and state.head != START and state.serial <= (first.serial or 0)


def _proven_lineage(damaged: DamagedParts, lines: Lines) -> str | None:
    """Return the lineage of the journal's first line, or of a damaged state if that line's hash confirms it.

    It must be exact, because secret fingerprints depend on it.
    """
    first = _first(lines)
    if first is None:
        return None
    states = b"\n".join(data for data in (damaged.state, damaged.backup) if data is not None)
    candidates = [first.lineage, *(found.decode() for found in _LINEAGE.findall(states))]
    return next((name for name in candidates if name and anchor(name, START) == first.previous), None)


def _not_included(lines: Lines, head: JournalHead) -> Lines:
    """Return the lines after `head`.

    Unreadable lines before the record that follows `head` are included in the state already.
    """
    start = 0
    for number, line in enumerate(lines, start=1):
        if isinstance(line, bytes):
            continue
        if line.sequence <= head.sequence:
            start = number
        elif line.sequence == head.sequence + 1 and head != START and line.previous == head.hash:
            return lines[number - 1 :]
    return lines[start:]


def _linked(rest: Lines, head: JournalHead, *, lineage: str | None) -> list[Record]:
    """Return the records up to the first break in the chain.

    Without a known lineage the first line is taken as the first record.
    """
    linked: list[Record] = []
    for line in rest:
        is_unproven = head == START and lineage is None
        if isinstance(line, bytes) or line.sequence != head.sequence + 1:
            break
        if not is_unproven and line.previous != anchor(lineage or "", head):
            break
        linked.append(line)
        head = line.head
    return linked


def _in_order(lines: Lines, *, above: int) -> list[Record]:
    """Return the records in rising order, each once. A repeated intent would seem to be open again."""
    kept: list[Record] = []
    for line in _intact(lines):
        if line.sequence > above:
            kept.append(line)
            above = line.sequence
    return kept


def _replay(words: StoreWords, base: State | None, linked: list[Record], loose: list[Record]) -> PartialReplay:
    """Replay linked and loose records.

    When linked records contradict each other, another program wrote one, and all count as loose.
    """
    partial = PartialReplay(base)
    entries = [_entry(words, record) for record in linked]
    partial.is_whole = None not in entries
    try:
        partial.state = replay(partial.state, [entry for entry in entries if entry is not None])
    except ValueError:
        partial.is_whole, loose = False, [*linked, *loose]
    for record in loose:
        if (entry := _entry(words, record)) is not None:
            partial.apply(entry)
    return partial


def _entry(words: StoreWords, record: Record) -> Entry | None:
    try:
        return entry_from_json(record.entry)
    except FromNewerVersion as problem:
        raise journal_damaged(words, problem, line=record.sequence) from problem
    except Damaged:
        return None


def _addresses(line: bytes) -> Iterator[Address]:
    """Yield the addresses in an unreadable line, most of whose characters are usually still there."""
    for found in _ADDRESS.findall(line):
        with suppress(ValueError):
            yield Address.parse(json.loads(found))


def _parts(
    words: StoreWords, damaged: DamagedParts, states: dict[str, State | None], lines: Lines
) -> tuple[SalvagedPart, ...]:
    def state_part(name: str) -> SalvagedPart:
        if name not in states:
            return SalvagedPart(name, "missing")
        state = states[name]
        return SalvagedPart(
            name, "damaged: nothing of it is used" if state is None else f"whole, serial {state.serial}"
        )

    return (
        state_part(words.state_name),
        SalvagedPart(words.journal_name, _describe_lines(lines, damaged)),
        state_part(words.backup_name),
    )


def _describe_lines(lines: Lines, damaged: DamagedParts) -> str:
    if not damaged.journal:
        return "missing" if damaged.journal is None else "empty"
    unreadable = [number for number, line in enumerate(lines, start=1) if isinstance(line, bytes)]
    if not unreadable:
        return f"{len(lines)} lines, all readable"
    behind = len(lines) - unreadable[0]
    return (
        f"{len(lines)} lines, {len(unreadable)} unreadable; the first is line {unreadable[0]}, with {behind} after it"
    )


def _histories_conflict(words: StoreWords, line: Record) -> StoreError:
    return StoreError(
        error(
            "rebuild-conflict",
            f"{words.journal}, line {line.sequence} is not of the history that the whole state beside it was made in",
            hint=f"Nothing was changed. {words.separate_histories}",
        )
    )
