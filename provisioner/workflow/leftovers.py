"""Reads what the releases of a stack have left with the cloud. It reads files only: nothing says whether that still exists."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.model.left_behind import LeftBehind, left_behind
from provisioner.workflow.history import read_history
from provisioner.workflow.workspace import Workspace


@dataclass(frozen=True, slots=True)
class FoundLeftovers:
    """What is left of released servers, oldest first, and where that is recorded."""

    found: tuple[LeftBehind, ...]
    location: str


def find_leftovers(workspace: Workspace) -> FoundLeftovers:
    """Raises what `read_history` raises."""
    history = read_history(workspace)
    return FoundLeftovers(tuple(left_behind(history.records, workspace.catalogue)), history.location)
