"""Disks that fail, fill up, crash or lose unsynced data at a chosen operation, so that tests can enumerate every step."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from provisioner.disk import Disk


class Crash(BaseException):
    """A simulated death of the process: nothing reaches disk or cloud after it, and no code under test catches it."""


class NumberedDisk(Disk):
    """Calls `before_operation` before every operation that writes or syncs. Closing is not counted: a crash closes files, too."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def before_operation(self, operation: str) -> None:
        self.steps.append(operation)

    def open(self, path, flags):
        self.before_operation(f"open {path.suffix}")
        return super().open(path, flags)

    def write(self, descriptor, data):
        self.before_operation("write")
        return super().write(descriptor, data)

    def reserve(self, descriptor, size):
        self.before_operation("reserve")
        super().reserve(descriptor, size)

    def truncate(self, descriptor, size):
        self.before_operation("truncate")
        super().truncate(descriptor, size)

    def sync(self, descriptor):
        self.before_operation("sync")
        super().sync(descriptor)

    def rename(self, source, target):
        self.before_operation("rename")
        super().rename(source, target)

    def remove(self, path):
        self.before_operation("remove")
        super().remove(path)

    def sync_folder(self, folder):
        self.before_operation("sync_folder")
        super().sync_folder(folder)


class FailingDisk(NumberedDisk):
    """Operation number `at` fails with `error_number`; with `for_good`, all later ones, too. `operation`: only operations whose name
    begins so are counted and fail.
    """

    def __init__(self, at: int, error_number: int, *, for_good: bool = False, operation: str = "") -> None:
        super().__init__()
        self._at = at
        self._error_number = error_number
        self._for_good = for_good
        self._operation = operation

    def before_operation(self, operation):
        if not operation.startswith(self._operation):
            return
        super().before_operation(operation)
        if len(self.steps) == self._at or (self._for_good and len(self.steps) > self._at):
            raise OSError(self._error_number, os.strerror(self._error_number))


class FullDisk(Disk):
    """A disk without space once `full` is set: it takes ten more bytes, then writes fail. A removed file frees its space."""

    def __init__(self, error_number: int = errno.ENOSPC) -> None:
        self.full = False
        self._room = 0
        self._error_number = error_number

    def write(self, descriptor, data):
        if not self.full:
            return super().write(descriptor, data)
        if self._room <= 0:
            raise OSError(self._error_number, os.strerror(self._error_number))
        taken = super().write(descriptor, data[: self._room])
        self._room -= taken
        return taken

    def reserve(self, descriptor, size):
        if self.full:
            raise OSError(self._error_number, os.strerror(self._error_number))
        super().reserve(descriptor, size)

    def remove(self, path):
        self._room += path.stat().st_size if path.exists() else 0
        super().remove(path)

    def fill_up(self) -> None:
        self.full, self._room = True, 10


class DyingDisk(NumberedDisk):
    """Crashes at operation number `at`; a write that crashes has written the share `torn` of its bytes.

    `survivors` is what a power loss at that moment leaves in a folder that was empty at first, in the worst case that POSIX
    allows: a file has the content of its last sync, and a folder the names of its own last sync.
    """

    def __init__(self, at: int, *, torn: float = 0.0) -> None:
        super().__init__()
        self._at = at
        self._torn = torn
        self._files: dict[Path, int] = {}
        self._opened: dict[int, Path] = {}
        self._synced: dict[int, bytes] = {}
        self._names: dict[Path, int] = {}

    def before_operation(self, operation):
        super().before_operation(operation)
        if len(self.steps) >= self._at:
            raise Crash(operation)

    def open(self, path, flags):
        descriptor = super().open(path, flags)
        self._files.setdefault(path, len(self.steps))
        self._opened[descriptor] = path
        return descriptor

    def write(self, descriptor, data):
        try:
            return super().write(descriptor, data)
        except Crash:
            if len(self.steps) == self._at:
                os.write(descriptor, data[: int(len(data) * self._torn)])
            raise

    def sync(self, descriptor):
        super().sync(descriptor)
        path = self._opened[descriptor]
        self._synced[self._files[path]] = path.read_bytes()

    def rename(self, source, target):
        super().rename(source, target)
        self._files[target] = self._files.pop(source)

    def remove(self, path):
        super().remove(path)
        self._files.pop(path, None)

    def sync_folder(self, folder):
        super().sync_folder(folder)
        self._names = {path: file for path, file in self._names.items() if path.parent != folder}
        self._names |= {path: file for path, file in self._files.items() if path.parent == folder}

    def survivors(self) -> dict[str, bytes]:
        return {path.name: self._synced.get(file, b"") for path, file in self._names.items()}
