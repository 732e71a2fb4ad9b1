"""How far each state had come when this user last saw it, so that a folder put back from an older copy is found out.

Kept with the user and not beside the state, where it would be put back with it. What cannot be read or written counts
as not seen: a mark may stop a run that would buy again, and must never cost one that would not (docs/decisions/0025).
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
    """`head` is the last record that was seen, `serial` that of the state that it stood beside, or of the one made of
    it.
    """

    serial: int
    head: JournalHead
    location: str


def high_water_mark_folder(environ: Mapping[str, str], home: Path) -> Path:
    """As the XDG base directories have it; a relative one there is to be ignored."""
    given = Path(environ.get("XDG_STATE_HOME") or "")
    return (given if given.is_absolute() else home / ".local" / "state") / "provisioner" / "lineages"


class HighWaterMarks:
    """`folder` is None where nobody watches."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def load(self, lineage: str) -> HighWaterMark | None:
        """None for a file that is missing, damaged or cannot be read."""
        path = self._path(lineage)
        if path is None:
            return None
        try:
            with path.open("rb") as file:
                kept = json.loads(file.read(_MOST_BYTES))
        except (OSError, ValueError, RecursionError):
            return None
        match kept:
            case {
                "format": 1,
                "lineage": str(of),
                "serial": int(serial),
                "sequence": int(sequence),
                "hash": str(hashed),
                "location": str(location),
            } if of == lineage:
                return HighWaterMark(serial, JournalHead(sequence, hashed), location)
        return None

    def save(self, lineage: str, seen: HighWaterMark) -> None:
        path = self._path(lineage)
        if path is None:
            return
        document = {
            "format": _FORMAT,
            "lineage": lineage,
            "serial": seen.serial,
            "sequence": seen.head.sequence,
            "hash": seen.head.hash,
            "location": seen.location,
        }
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _replace(path, json.dumps(document).encode())

    def _path(self, lineage: str) -> Path | None:
        if self._folder is None or not _LINEAGE.fullmatch(lineage):
            return None
        return self._folder / f"{lineage}.json"


def _replace(path: Path, data: bytes) -> None:
    """Whole or not at all, and not synced: what a power cut takes from it was not believed either."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
