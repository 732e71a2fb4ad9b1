"""Space set aside before anything is sent, so that the answer to a purchase can be written down on a disk that fills
up.

A file of no meaning beside the journal: it is durable before the first intent of a session, and given up when a fact
finds no room. It knows neither records nor what they say.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from provisioner.disk import Disk

SIZE = 1024 * 1024
"""Bytes: two kilobytes for each of the 512 calls that may be in flight at the same time."""


class Reserve:
    def __init__(self, path: Path, *, disk: Disk) -> None:
        self._path = path
        self._disk = disk
        self._held = False

    def hold(self) -> None:
        """Durable when it returns. Raises OSError, and leaves nothing behind, when there is no such space."""
        if self._held:
            return
        self._disk.remove(self._path)
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

    def give_up(self) -> bool:
        """Whether there was anything to give up.

        Syncing the folder is what makes a file system hand out the space again.
        """
        if not self._held:
            return False
        self._held = False
        self._disk.remove(self._path)
        self._disk.sync_folder(self._path.parent)
        return True

    def release(self) -> None:
        """At the end of a session; what cannot be removed is replaced by the next session that sends."""
        if self._held:
            self._held = False
            with suppress(OSError):
                self._disk.remove(self._path)
