"""Reserves disk space before anything is sent, so that the answer to a purchase can be recorded even on a disk that
fills up.

The reserve is a file without meaning beside the journal. It is durable before the first intent of a session, and
removed when there is no space left for a fact. This module knows nothing about records.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from provisioner.disk import Disk

SIZE = 1024 * 1024
"""Size in bytes: two kilobytes for each of the 512 calls that may be in flight at the same time."""


class Reserve:
    """The reserve file at `path`."""

    def __init__(self, path: Path, *, disk: Disk) -> None:
        self._path = path
        self._disk = disk
        self._held = False

    def ensure(self) -> None:
        """Create the file unless it exists.

        It is durable when this returns. Raises OSError, without leaving a file, when space is lacking.
        """
        if self._held:
            return
        self._remove_older()
        descriptor = self._disk.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            try:
                self._disk.reserve(descriptor, SIZE)
                self._disk.sync(descriptor)
            finally:
                self._disk.close(descriptor)
            self._disk.sync_folder(self._path.parent)
        except OSError:
            with suppress(OSError):
                self._disk.remove(self._path)
            raise
        self._held = True

    def _remove_older(self) -> None:
        """Remove the reserve of a run that has died. Raises FileExistsError for a file that holds anything."""
        if (self._disk.read(self._path) or b"").strip(b"\0"):
            raise FileExistsError(errno.EEXIST, "a file of something else stands there", str(self._path))
        self._disk.remove(self._path)

    def free(self) -> bool:
        """Free the space and return whether there was any. The sync of the folder makes the file system release it."""
        if not self._held:
            return False
        self._held = False
        self._disk.remove(self._path)
        self._disk.sync_folder(self._path.parent)
        return True

    def release(self) -> None:
        """Remove the file at the end of a session. If that fails, the next session that sends replaces it."""
        if self._held:
            self._held = False
            with suppress(OSError):
                self._disk.remove(self._path)
