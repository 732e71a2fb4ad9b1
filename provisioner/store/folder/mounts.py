"""Finds the file system that a path is on, as Linux lists it in /proc/self/mountinfo (proc(5))."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LIST: Final = Path("/proc/self/mountinfo")
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """A mounted file system. `options` are those of the mount and of the file system."""

    point: Path
    type: str
    options: frozenset[str]


def mount_of(path: Path, *, mounts: Path = _LIST) -> Mount | None:
    """Return the mount that holds `path`; None where the system does not tell."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
        resolved = path.resolve()
    except (OSError, RuntimeError):
        return None
    found = None
    for mount in filter(None, map(_read_line, lines)):  # a later one on the same point hides the earlier one
        if resolved.is_relative_to(mount.point) and (found is None or len(mount.point.parts) >= len(found.point.parts)):
            found = mount
    return found


def _read_line(line: str) -> Mount | None:
    before, _, after = line.partition(" - ")
    fields, rest = before.split(" "), after.split(" ")
    try:
        point, options, kind, more = fields[4], fields[5], rest[0], rest[2]
    except IndexError:
        return None
    unescaped = _ESCAPED.sub(lambda found: os.fsdecode(bytes([int(found[1], 8)])), point)
    return Mount(Path(unescaped), kind, frozenset((*options.split(","), *more.split(","))))
