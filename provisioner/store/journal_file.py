"""The journal while a writer holds it open: what is appended is on the disk when `append` returns, or it never was.

It never trusts a file that has moved or grown under it: then somebody else believes to hold the lock. Raises plain
OSError; the session says what that means.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provisioner.disk import Disk, write_all
from provisioner.model.state import JournalHead
from provisioner.store.reserve import Reserve

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


class NoRoom(OSError):  # noqa: N818 - a condition that passes, not a malfunction
    """The disk is full. Nothing of the append is in the file, so a later one may find room."""


class JournalFile:
    """`content` is what the file held when the lock was taken; its first `end` bytes are whole records up to `head`."""

    def __init__(
        self, path: Path, *, disk: Disk, reserve: Reserve, head: JournalHead, content: bytes, end: int
    ) -> None:
        self.head = head
        self._path = path
        self._disk = disk
        self._reserve = reserve
        self._size = len(content)
        self._end = end
        self._unterminated = end > 0 and content[end - 1 : end] != b"\n"
        self._descriptor: int | None = None

    def append(self, lines: bytes, *, head: JournalHead, sending: bool) -> None:
        """`sending`: a call is made when these lines are durable. Then space is set aside first, and never used for them.

        Raises NoRoom on a full disk, after which the file is as it was.
        """
        descriptor = self.settle()
        self._require_ours(descriptor)
        data = b"\n" + lines if self._unterminated else lines
        if sending:
            with _room():
                self._reserve.hold()
        self._write(descriptor, data, sending=sending)
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
        self._reserve.release()
        if self._descriptor is not None:
            self._disk.close(self._descriptor)
            self._descriptor = None

    def _write(self, descriptor: int, data: bytes, *, sending: bool) -> None:
        try:
            with _room():
                write_all(self._disk, descriptor, data)
        except NoRoom:
            self._disk.truncate(descriptor, self._size)
            if sending or not self._reserve.give_up():
                raise
            write_all(self._disk, descriptor, data)

    def _require_ours(self, descriptor: int) -> None:
        size = self._disk.size_if_named(descriptor, self._path)
        if size is None:
            raise OSError(errno.ESTALE, "it was moved or removed while this run was writing to it")
        if size != self._size:
            raise OSError(errno.ESTALE, "somebody else has written to it while this run held the lock")


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as failure:
        if failure.errno in _NO_SPACE:
            raise NoRoom(failure.errno, failure.strerror) from failure
        raise
