"""Finds the file of the built-in sandbox's world, which stands in the state folder.

`sandbox serve` and `sandbox ledger` have no workspace: they use the world of the stack that other commands would use.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from provisioner.disk import Disk
from provisioner.loading import choose_directory, read_stack
from provisioner.model.diagnostic import SpecError, UsageError
from provisioner.model.stack import Stack
from provisioner.settings import Settings
from provisioner.store import locate, make_state_folder


def world_in(folder: Path) -> Path:
    """Returns the path of the sandbox's world in a state folder."""
    return folder / ".sandbox" / "world.db"


def world_to_open(directory: Path, stack: Stack) -> Path:
    """Returns the world of the stack, and makes the state folder that it stands in: a state may never be written there, and is to be as
    private as if it had been. What cannot be made is told by the sandbox.
    """
    folder = locate(directory, stack.label)
    with suppress(OSError):
        make_state_folder(Disk(), folder)
    return world_in(folder)


def default_world(settings: Settings) -> Path:
    """Returns the world of the stack that a command without options would use, whether or not it can be read."""
    directory, label = choose_directory(settings.specs), None
    with suppress(SpecError, UsageError):
        label = read_stack(directory, settings.environment).label
    return world_in(locate(directory, label))
