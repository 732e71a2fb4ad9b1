"""A stack's state in a folder, with the parts that a test wants to replace."""

from __future__ import annotations

from pathlib import Path

from provisioner.disk import Disk
from provisioner.store import StateStore
from provisioner.store.clock import StoreClock
from provisioner.store.folder import FolderStore
from provisioner.store.high_water_marks import HighWaterMarks


def folder_store(
    folder: Path,
    label: str,
    *,
    disk: Disk | None = None,
    clock: StoreClock | None = None,
    marks: HighWaterMarks | None = None,
) -> StateStore:
    return StateStore(FolderStore(folder, label, disk=disk, clock=clock), clock=clock, marks=marks)
