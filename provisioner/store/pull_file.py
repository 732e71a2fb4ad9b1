"""Reads and writes the file of a pulled state. Only an older pull of the same state is ever replaced."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Final

from provisioner.disk import Disk, describe_obstacle, place_file
from provisioner.model.canonical import parse_json
from provisioner.model.diagnostic import UsageError, error
from provisioner.model.state import State
from provisioner.store.pulled_state import PulledState

_LARGEST: Final = 4 * 1024 * 1024 * 1024
_HINT: Final = (
    "Name a file that does not exist yet, in a folder that exists, or an older pull of this state, which is replaced."
)


def write_pull(path: Path, pull: PulledState) -> None:
    """Write the document in one step, for its owner only. Raises UsageError `pull-not-written`."""
    disk = Disk()
    try:
        target = path.parent.resolve(strict=True) / path.name
        obstacle, stamp = describe_obstacle(target), disk.stamp(target)
        if not obstacle and stamp is not None:
            obstacle = _what_else(disk.read(target) or b"", pull.state)
    except OSError as failure:
        raise _not_written(path, failure.strerror or str(failure)) from failure
    if obstacle:
        raise _not_written(path, f"{obstacle} stands there, and is left as it is")
    try:
        place_file(disk, target, pull.encode(), replaces=stamp)
    except OSError as failure:
        raise _not_written(path, failure.strerror or str(failure)) from failure


def read_pull(path: Path) -> bytes:
    """Return the content of the file. Raises UsageError `pull-unreadable`."""
    disk = Disk()
    try:
        obstacle, stamp = describe_obstacle(path), disk.stamp(path)
        if obstacle:
            raise _unreadable(path, f"it is {obstacle}")
        if stamp is None:
            raise _unreadable(path, "there is no such file")
        if stamp[1] > _LARGEST:
            raise _unreadable(path, "it is larger than any pulled state")
        return disk.read(path) or b""
    except OSError as failure:
        raise _unreadable(path, failure.strerror or str(failure)) from failure


def _what_else(data: bytes, state: State) -> str:
    """Return what the content of a file is, in words; empty for an older pull of `state`, or the same one."""
    try:
        content = parse_json(data)
    except (ValueError, RecursionError):
        content = None
    match content:
        case {"pull": int(), "lineage": str(lineage), "serial": int(serial), "head": {"sequence": int(sequence)}}:
            if lineage != state.lineage:
                return "a pull of another state"
            is_newer = (serial, sequence) > (state.serial, state.head.sequence)
            return "a newer pull of this state" if is_newer else ""
        case _:
            return "a file that is no pull"


def _not_written(path: Path, reason: str) -> UsageError:
    return UsageError(error("pull-not-written", f"the state was not written to {path}: {reason}", hint=_HINT))


def _unreadable(path: Path, reason: str) -> UsageError:
    hint = f"Nothing was changed. Name a file that `provisioner state pull --out {quote(path.name)}` has written."
    return UsageError(error("pull-unreadable", f"cannot read the pulled state {path}: {reason}", hint=hint))
