"""Keeps states, journals and locks.

`open_store` returns the state of a stack. Its storage implements one contract (`contract.py`), so far only as a folder.

This package knows nothing about specs, planning or the cloud. It returns what it was given unaltered or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from provisioner.model.diagnostic import Diagnostic, UsageError, error
from provisioner.store.contract import Store
from provisioner.store.folder import FolderStore, find_location, labels_in, locate, make_state_folder, state_folders
from provisioner.store.high_water_marks import HighWaterMarks, high_water_mark_folder
from provisioner.store.repair import Repair
from provisioner.store.salvage import Salvaged, SalvagedPart
from provisioner.store.session import Session
from provisioner.store.state_store import Siblings, StateStore
from provisioner.store.words import LockHolder, LockWaitListener, UnlockAdvice

__all__ = [
    "LockHolder",
    "LockWaitListener",
    "Repair",
    "Salvaged",
    "SalvagedPart",
    "Session",
    "Siblings",
    "StateStore",
    "UnlockAdvice",
    "find_location",
    "high_water_mark_folder",
    "is_place_of_state",
    "labels_in",
    "locate",
    "make_state_folder",
    "open_store",
    "state_folders",
]

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def open_store(
    location: str | Path,
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


def is_place_of_state(location: str | Path, path: Path) -> bool:
    """Return whether a file at `path` is, or would be taken for, a part of a state that is kept at `location`.

    Raises UsageError for a location that is none. `path` has no links in it.
    """
    store = _store(location, "any")
    return isinstance(store, FolderStore) and store.is_place_of_state(path)


def _store(location: str | Path, label: str) -> Store:
    if isinstance(location, Path) or not _URL.match(location):
        return FolderStore(Path(location), label)
    url = urlsplit(location)
    opened = _BY_SCHEME.get(url.scheme)
    store = opened(url, label) if opened else None
    if store is None:
        raise UsageError(
            error(
                "store-unsupported",
                f"{url.scheme}://{url.hostname or ''} is not a place where this version can keep a state",
                hint="Give a folder, as a path or as file:///absolute/path.",
            )
        )
    return store


def _folder(url: SplitResult, label: str) -> Store | None:
    return None if url.netloc not in {"", "localhost"} else FolderStore(Path(unquote(url.path)), label)


_BY_SCHEME: Final[Mapping[str, Callable[[SplitResult, str], Store | None]]] = {"file": _folder}
"""The functions by URL scheme that open a store; they return None for an unsuitable URL.

A new kind of store needs one line here.
"""
