"""Finds the directories of stacks: the one to use when none is named, those near a wrong one, and those below a folder.

A directory that holds stack.yaml is a stack, whatever its name is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from provisioner.loading.document import display_path
from provisioner.model.diagnostic import UsageError, error

STACK_FILE: Final = "stack.yaml"
MISNAMED_STACK_FILE: Final = "stack.yml"
DEFAULT_DIRECTORY: Final = Path("specs")
_MOST_DIRECTORIES: Final = 2000
"""How many directories are searched below a folder, so that a search in a home directory ends."""
_DEEPEST: Final = 4
_LEVELS_UP: Final = 4


def choose_directory(given: Path | None) -> Path:
    """Return the stack's directory: the given one, else the current directory if it is a stack, else `specs`.

    Raises UsageError when both the current directory and `specs` in it are stacks.
    """
    if given is not None:
        return given
    here = Path()
    if not is_stack(here):
        return DEFAULT_DIRECTORY
    if is_stack(DEFAULT_DIRECTORY):
        summary = f"this directory holds a {STACK_FILE}, and so does {DEFAULT_DIRECTORY} in it: it is not clear which stack is meant"
        hint = (
            f"name one, with --specs . or --specs {DEFAULT_DIRECTORY}; if one of them was made by mistake, remove it after looking "
            "whether its state holds anything (provisioner show)"
        )
        raise UsageError(error("stack-ambiguous", summary, hint=hint))
    return here


def is_stack(directory: Path) -> bool:
    return os.path.lexists(directory / STACK_FILE)


def enclosing_stack(directory: Path) -> Path | None:
    """Return the nearest stack that the directory is inside of; itself does not count."""
    return next((above for above in directory.resolve().parents if is_stack(above)), None)


def nearby_stack(directory: Path) -> Path | None:
    """Return a stack that was probably meant by a directory that is none: it is inside of it, beside it or below it."""
    if (around := enclosing_stack(directory)) is not None:
        return around
    below = next(find_stacks(directory), None)
    if below is not None:
        return below
    start = directory.resolve().parent
    if (beside := next(find_stacks(start, deepest=2), None)) is not None:
        return beside
    above = (place / DEFAULT_DIRECTORY for place in start.parents[: _LEVELS_UP - 1])
    return next((place for place in above if is_stack(place)), None)


def nearby_hint(directory: Path) -> str:
    """Return what to do where a directory is no stack. It advises to make one only when none is near."""
    for place in (directory, Path()):
        if os.path.lexists(place / MISNAMED_STACK_FILE):
            return f"rename {display_path(place / MISNAMED_STACK_FILE)} to {STACK_FILE}"
    found = nearby_stack(directory)
    if found is None:
        return "run provisioner init to make one, or name another directory with --specs"
    return f"there is a stack in {display_path(found)}: name it with --specs {os.path.relpath(found)}"


def find_stacks(root: Path, *, deepest: int = _DEEPEST) -> Iterator[Path]:
    """Yield the stacks at or below a folder, the nearest first. Hidden folders and links are left out.

    The search is bounded in depth and in the number of directories.
    """
    level, searched = [root], 0
    for _ in range(deepest + 1):
        below: list[Path] = []
        for directory in level:
            searched += 1
            if searched > _MOST_DIRECTORIES:
                return
            if is_stack(directory):
                yield directory
            else:
                below.extend(_subdirectories(directory))
        level = below


def _subdirectories(directory: Path) -> Iterator[Path]:
    try:
        yield from sorted(
            entry
            for entry in directory.iterdir()
            if not entry.name.startswith((".", "_")) and entry.is_dir() and not entry.is_symlink()
        )
    except OSError:
        return
