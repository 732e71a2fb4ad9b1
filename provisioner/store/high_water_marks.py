"""Keeps a high-water mark for each state: how far it had come when this user last saw it.

So a restored older copy is detected.

The marks are kept with the user and not beside the state, where an older copy would restore them too. A mark that
cannot be read or written counts as missing: a mark may stop a run that would buy again, and must never stop another one
(docs/decisions/0025).
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provisioner.model.state import JournalHead

_FORMAT: Final = 1
_MOST_BYTES: Final = 64 * 1024
_LINEAGE: Final = re.compile(r"[0-9A-Za-z-]{1,64}")


@dataclass(frozen=True, slots=True)
class HighWaterMark:
    """The furthest point seen.

    `head` is the last record, `serial` that of the checkpoint at that time or of the one made of it. `is_empty`: the state
    held neither a server nor an open call, so that nothing is lost with it.
    """

    serial: int
    head: JournalHead
    location: str
    is_empty: bool = False


def high_water_mark_folder(environ: Mapping[str, str], home: Path) -> Path:
    """Return the folder for marks, following the XDG base directory specification, which ignores relative paths."""
    given = Path(environ.get("XDG_STATE_HOME") or "")
    return (given if given.is_absolute() else home / ".local" / "state") / "provisioner" / "lineages"


class HighWaterMarks:
    """The marks of one user. Without a `folder` nothing is kept."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def load(self, lineage: str) -> HighWaterMark | None:
        """Return the mark of a lineage; None when the file is missing, damaged or cannot be read."""
        path = self._path(lineage)
        return None if path is None else _read(path)

    def seen_at(self, location: str) -> HighWaterMark | None:
        """Return the furthest mark of a state that was last seen at this location, of whatever lineage, and held something."""
        try:
            paths = [] if self._folder is None else [*self._folder.glob("*.json")]
        except OSError:
            return None
        read = (mark for path in paths if (mark := _read(path)) is not None)
        marks = [mark for mark in read if mark.location == location and not mark.is_empty]
        return max(marks, key=lambda mark: (mark.serial, mark.head.sequence), default=None)

    def save(self, lineage: str, mark: HighWaterMark) -> None:
        """Keep `mark` as the newest one of the lineage. Failures to write are ignored."""
        path = self._path(lineage)
        if path is None:
            return
        document = {
            "format": _FORMAT,
            "lineage": lineage,
            "serial": mark.serial,
            "sequence": mark.head.sequence,
            "hash": mark.head.hash,
            "location": mark.location,
            **({"empty": True} if mark.is_empty else {}),
        }
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _replace(path, json.dumps(document).encode())

    def place(self, lineage: str) -> str:
        """Return where the mark of a lineage is kept, for messages."""
        return str(self._path(lineage) or "your mark of it")

    def _path(self, lineage: str) -> Path | None:
        if self._folder is None or not _LINEAGE.fullmatch(lineage):
            return None
        return self._folder / f"{lineage}.json"


def _read(path: Path) -> HighWaterMark | None:
    """Return the mark in a file, which is named after its lineage; None when there is none that can be read."""
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    match content:
        case {
            "format": 1,
            "lineage": str(marked),
            "serial": int(serial),
            "sequence": int(sequence),
            "hash": str(hashed),
            "location": str(location),
        } if marked == path.stem:
            return HighWaterMark(serial, JournalHead(sequence, hashed), location, content.get("empty") is True)
    return None


def _replace(path: Path, data: bytes) -> None:
    """Write the file atomically but without sync: a mark that a power failure destroys counts as missing anyway."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
