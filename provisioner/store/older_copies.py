"""Finds out whether a state is an older copy of one that this user has seen."""

from __future__ import annotations

from collections.abc import Callable

from provisioner.model.state import JournalHead
from provisioner.store.chain import Record, single_lines
from provisioner.store.contract import START
from provisioner.store.high_water_marks import HighWaterMark
from provisioner.store.known_state import KnownState


def is_behind(
    known: KnownState, holds: Callable[[JournalHead], bool], is_rebuilt: Callable[[], bool], *, seen: HighWaterMark
) -> bool:
    """Whether the record of the mark `seen` is missing from the journal, so that the state is an older copy.

    `holds` returns whether the journal holds a record. A rebuilt journal lacks it too, but has a higher serial. A higher
    serial alone proves nothing: an older copy that was continued gets one as well.
    """
    if seen.head in {known.state.head, START} or holds(seen.head):
        return False
    return known.written.serial <= seen.serial or not is_rebuilt()


def begins_with_rebuild(journal: bytes) -> bool:
    """Return whether a journal was written anew by `state rebuild`."""
    begin = b"\n".join(journal.split(b"\n", 3)[:3]) + b"\n"
    entries = (line.entry for line in single_lines(begin) if isinstance(line, Record))
    run = next((entry for entry in entries if entry.get("type") == "run_started"), None)
    return run is not None and run.get("command") == "state rebuild"
