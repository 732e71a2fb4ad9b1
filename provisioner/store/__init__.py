"""Keeps states, journals and locks.

`open_store` returns the state of a stack. Its storage implements one contract (`contract.py`): a folder, or a lease on an
engine that several machines share.

This package knows nothing about specs, planning or the cloud. It returns what it was given unaltered or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from provisioner.model.diagnostic import Diagnostic, UsageError, error
from provisioner.model.state_setting import StateAuthor, StateFolder, explain, parse_location
from provisioner.model.state_url import InvalidStateUrlError, StateUrl
from provisioner.store.contract import Store
from provisioner.store.folder import FolderStore, find_location, labels_in, locate, make_state_folder, state_folders
from provisioner.store.high_water_marks import HighWaterMarks, high_water_mark_folder
from provisioner.store.journal_tail import JournalTail
from provisioner.store.mentions import id_tokens, name_tokens, row_tokens
from provisioner.store.repair import Repair
from provisioner.store.run_watch import RunWatch
from provisioner.store.salvage import Salvaged, SalvagedPart
from provisioner.store.session import Session
from provisioner.store.siblings import Siblings
from provisioner.store.state_store import StateStore
from provisioner.store.words import LockHolder, LockWaitListener, LockWaitStatus, UnlockAdvice

__all__ = [
    "JournalTail",
    "LockHolder",
    "LockWaitListener",
    "LockWaitStatus",
    "Repair",
    "RunWatch",
    "Salvaged",
    "SalvagedPart",
    "Session",
    "Siblings",
    "StateStore",
    "UnlockAdvice",
    "find_location",
    "high_water_mark_folder",
    "id_tokens",
    "is_place_of_state",
    "labels_in",
    "locate",
    "make_state_folder",
    "name_tokens",
    "open_store",
    "row_tokens",
    "state_folders",
]


def open_store(
    location: str | Path | StateUrl,
    label: str,
    *,
    owner: tuple[str, str | None] | None = None,
    mark_folder: Path | None = None,
    warnings: tuple[Diagnostic, ...] = (),
) -> StateStore:
    """Return the state named `label` at a location, given as a path or a URL, without touching anything yet.

    Raises UsageError.

    `owner` is the stack and environment that the state must belong to. `mark_folder` is where this user keeps
    high-water marks. `warnings` are about how the location was found.
    """
    marks = HighWaterMarks(mark_folder)
    return StateStore(_store(location, label), owner=owner, marks=marks, warnings=warnings)


def is_place_of_state(location: Path | StateUrl, path: Path) -> bool:
    """Return whether a file at `path` is, or would be taken for, a part of a state that is kept at `location`. `path` has no links
    in it.
    """
    return isinstance(location, Path) and FolderStore(location, "any").is_place_of_state(path)


def _store(location: str | Path | StateUrl, label: str) -> Store:
    parsed = _parse(location) if isinstance(location, str) else location
    if isinstance(parsed, Path):
        return FolderStore(parsed, label)
    opened = _BY_SCHEME.get(parsed.scheme)
    if opened is None:
        raise UsageError(
            error(
                "store-unsupported",
                f"{parsed.shown} is not a place where this version can keep a state",
                hint="Give a folder, as a path or as file:///absolute/path.",
            )
        )
    return opened(parsed, label)


def _parse(text: str) -> Path | StateUrl:
    try:
        parsed = parse_location(text, StateAuthor.VARIABLE)
    except InvalidStateUrlError as fault:
        raise UsageError(explain(fault, "the place of the state")) from None
    return Path(parsed.path) if isinstance(parsed, StateFolder) else parsed


def _postgres(url: StateUrl, label: str) -> Store:
    from provisioner.store.postgres import PostgresBackend
    from provisioner.store.shared_store import SharedStore

    return SharedStore(PostgresBackend(url), label)


_BY_SCHEME: Final[Mapping[str, Callable[[StateUrl, str], Store]]] = {"postgres": _postgres}
"""The functions by URL scheme that open a store. The URL is parsed (`model/state_setting.py` has its form by scheme), and
its host may be connected to.

A new kind of store needs one line here.
"""
