"""The journal while a writer holds it open: what is appended is on the disk when `append` returns, or it never was.

It never trusts a file that has moved or grown under it: then somebody else believes to hold the lock. Raises plain
OSError; the session says what that means.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from provisioner.model.state import JournalHead
from provisioner.store.disk import Disk, write_all


class JournalFile:
    """`content` is what the file held when the lock was taken; its first `end` bytes are whole records up to `head`."""

    def __init__(self, path: Path, *, disk: Disk, head: JournalHead, content: bytes, end: int) -> None:
        self.head = head
        self._path = path
        self._disk = disk
        self._size = len(content)
        self._end = end
        self._unterminated = end > 0 and content[end - 1 : end] != b"\n"
        self._descriptor: int | None = None

    def append(self, lines: bytes, *, head: JournalHead) -> None:
        descriptor = self.settle()
        self._require_ours(descriptor)
        data = b"\n" + lines if self._unterminated else lines
        write_all(self._disk, descriptor, data)
        self._disk.sync(descriptor)
        self._size += len(data)
        self._require_ours(descriptor)  # again: two that wrote at once must both hear of it
        self._unterminated = False
        self.head = head

    def settle(self) -> int:
        """What an earlier run left behind becomes durable before anything is built on it, and a torn record is cut off."""
        if self._descriptor is None:
            self._descriptor = self._disk.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            self._require_ours(self._descriptor)
            if self._size > self._end:
                self._disk.truncate(self._descriptor, self._end)
                self._size = self._end
            self._disk.sync(self._descriptor)
            self._disk.sync_folder(self._path.parent)
        return self._descriptor

    def close(self) -> None:
        if self._descriptor is not None:
            self._disk.close(self._descriptor)
            self._descriptor = None

    def _require_ours(self, descriptor: int) -> None:
        size = self._disk.size_if_named(descriptor, self._path)
        if size is None:
            raise OSError(errno.ESTALE, "it was moved or removed while this run was writing to it")
        if size != self._size:
            raise OSError(errno.ESTALE, "somebody else has written to it while this run held the lock")
