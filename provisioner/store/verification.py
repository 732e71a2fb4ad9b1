"""Verifies that a journal leads to its state: reads the whole chain and replays it from the beginning.

Every run checks the chain and replays what its state lacks; this replays what the state already includes, too. These
functions are pure: they take bytes and names, and return figures or raise the reason for distrust.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from provisioner.model.diagnostic import SourceRange, StoreError, error
from provisioner.model.history import HistoryRecord, VerifiedJournal
from provisioner.model.journal import Entry
from provisioner.model.replay import replay
from provisioner.model.state import State
from provisioner.store.known_state import KnownState, read_history
from provisioner.store.words import StoreWords

_HINT = (
    "Nothing was changed. Put your own copy of both files back, or let `provisioner state rebuild` make them anew from "
    "the specs, the journal and the cloud's list. Buy nothing before that."
)


def verify(words: StoreWords, known: KnownState, journal: bytes) -> VerifiedJournal:
    """Verify `known` against `journal`, the whole journal that it was read from. Raises StoreError for damage."""
    records = tuple(read_history(words, journal, lineage=known.written.lineage))
    _require_same(words, known.written, _replay(words, known.written, records))
    return VerifiedJournal(
        records=len(records),
        first=records[0].time if records else None,
        last=records[-1].time if records else None,
        head=known.state.head,
        lineage=known.written.lineage,
        serial=known.written.serial,
        checkpoint=known.written.head,
        torn=len(journal) - known.journal_end,
    )


def _replay(words: StoreWords, written: State, records: Iterable[HistoryRecord]) -> State:
    """Replay the records up to the checkpoint onto an empty state."""
    line = 0

    def included() -> Iterator[Entry]:
        nonlocal line
        for record in records:
            if record.sequence > written.head.sequence:
                return
            line = record.sequence
            yield record.entry

    try:
        return replay(replace(written, resources={}, intents={}), included())
    except ValueError as contradiction:
        raise StoreError(
            error(
                "journal-contradicts",
                f"{words.journal}, line {line}: {contradiction}",
                hint=_HINT,
                source=SourceRange(words.journal, line, 1),
            )
        ) from contradiction


def _require_same(words: StoreWords, written: State, replayed: State) -> None:
    if written == replayed:
        return
    addresses = {*written.resources, *replayed.resources}
    differing = sorted(key for key in addresses if written.resources.get(key) != replayed.resources.get(key))
    what = f"{differing[0]}" if differing else "the calls whose outcome is open"
    raise StoreError(
        error(
            "journal-contradicts",
            f"{words.state} tells {what} otherwise than the first {written.head.sequence} records of {words.journal_name}",
            hint=_HINT,
        )
    )
