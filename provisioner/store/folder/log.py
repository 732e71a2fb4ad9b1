"""A log in a file. What is appended is on the disk when `append` returns.

A file that was moved or has grown since it was read is not trusted, because somebody else must believe to hold the
lock. After a failed write the log accepts nothing more, because a failed fsync says nothing about what is on the disk.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from provisioner.disk import Disk, write_all
from provisioner.model.diagnostic import StoreError, error
from provisioner.model.state import JournalHead
from provisioner.store.chain import head_of, is_closing, is_torn, line_ending
from provisioner.store.contract import START, Conflict, LastRecord, NotDone, NotInLog, NotWritten, Undecided
from provisioner.store.folder.reserve import Reserve

_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_CLOSED: Final = "it is closed: nothing is ever written behind its last record"
_FIRST_READ: Final = 64 * 1024
"""How many bytes at the end of the file are read first. They usually contain the last checkpoint's record."""


class FileLog:
    """A log in the file at `path`.

    `is_shared`: the store's lock does not protect it, so the file itself is locked for appends.
    """

    def __init__(self, path: Path, *, disk: Disk, reserve: Reserve, is_shared: bool = False) -> None:
        self._path = path
        self._disk = disk
        self._reserve = reserve
        self._is_shared = is_shared
        self._content: bytes | None = None
        """The content when it was last read; None once something was appended."""
        self._head = START
        self._size = 0
        self._unterminated = False
        self._descriptor: int | None = None
        self._outcome: NotDone | None = None

    def read(self, at: JournalHead = START) -> Iterator[bytes]:
        if at != START:
            yield self._read_from(at)
            return
        content = read_file(self._disk, self._path)
        if self._descriptor is None:
            self._content = content
        if content is not None:
            yield content

    def last(self) -> LastRecord | None:
        size = _FIRST_READ
        while True:
            tail, is_whole = self._tail(size)
            lines = tail.rstrip(b"\n").split(b"\n")
            if not tail.endswith(b"\n") and is_torn(lines[-1]):
                del lines[-1]
            if lines and (len(lines) > 1 or is_whole):
                return LastRecord(lines[-1]) if lines[-1] else None
            if is_whole:
                return None
            size *= 8

    def append(
        self,
        after: JournalHead,
        batch: bytes,
        *,
        sending: bool = False,
        mentions: Collection[str] = (),  # noqa: ARG002 - a folder keeps no index of them
    ) -> JournalHead:
        """Append a batch. After any failure except a full disk, every further append raises the same failure."""
        if self._outcome is not None:
            raise self._outcome
        try:
            return self._append(after, batch, sending=sending)
        except NotWritten:
            raise
        except NotDone as outcome:
            self._outcome = outcome
            raise
        except OSError as failure:
            self._outcome = Undecided(failure.strerror or str(failure))
            raise self._outcome from failure

    def close(self, after: JournalHead, batch: bytes) -> None:
        """Append the last batch. Its last record marks the log as closed, so that every copy of the file shows it."""
        self.append(after, batch)
        self._outcome = Conflict(_CLOSED)

    def release(self) -> None:
        """Close the file and free the reserve, at the end of the time with the lock."""
        self._reserve.release()
        if self._descriptor is not None:
            self._disk.close(self._descriptor)
            self._descriptor = None

    def _append(self, after: JournalHead, batch: bytes, *, sending: bool) -> JournalHead:
        descriptor = self._open_for_append(after)
        if after != self._head:
            raise Conflict("it has other records behind that one")
        if not batch:
            return after
        self._require_unchanged(descriptor)
        data = b"\n" + batch if self._unterminated else batch
        if sending:
            with _full_disk_as_not_written():
                self._reserve.ensure()
        self._write(descriptor, data, sending=sending)
        self._disk.sync(descriptor)
        self._size += len(data)
        self._require_unchanged(descriptor)  # again, so that two runs that wrote at the same time both find out
        self._unterminated = False
        self._head = head_of(batch, after=after)
        return self._head

    def _read_from(self, at: JournalHead) -> bytes:
        """Read the end of the file, in growing pieces, until it contains the record of `at`."""
        size = _FIRST_READ
        while True:
            tail, is_whole = self._tail(size)
            end = tail.rfind(line_ending(at))
            begin = tail.rfind(b"\n", 0, end) + 1 if end >= 0 else 0
            if end >= 0 and (begin > 0 or is_whole):
                return tail[begin:]
            if is_whole:
                raise NotInLog(f"it holds no record {at.sequence} with that hash")
            size *= 8

    def _tail(self, size: int) -> tuple[bytes, bool]:
        try:
            return self._disk.read_end(self._path, size)
        except OSError as failure:
            raise unreadable(self._path, failure) from failure

    def _open_for_append(self, after: JournalHead) -> int:
        """Open the file for appending. What an earlier run left is made durable first, and a torn record is cut off."""
        if self._descriptor is None:
            if self._is_shared:
                self._descriptor = self._open()
                self._disk.lock(self._descriptor)
            content = self._content
            if content is None or self._is_shared:
                content = self._disk.read(self._path) or b""
            end = _end_of(content, after)
            if is_closing(content[:end]):
                raise Conflict(_CLOSED)
            self._size = len(content)
            descriptor = self._descriptor = self._open() if self._descriptor is None else self._descriptor
            self._require_unchanged(descriptor)
            if self._size > end:
                self._disk.truncate(descriptor, end)
                self._size = end
            self._disk.sync(descriptor)
            self._disk.sync_folder(self._path.parent)
            self._content, self._head = None, after
            self._unterminated = end > 0 and content[end - 1 : end] != b"\n"
        return self._descriptor

    def _open(self) -> int:
        return self._disk.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def _write(self, descriptor: int, data: bytes, *, sending: bool) -> None:
        try:
            with _full_disk_as_not_written():
                write_all(self._disk, descriptor, data)
        except NotWritten:
            self._disk.truncate(descriptor, self._size)
            if sending or not self._reserve.free():
                raise
            write_all(self._disk, descriptor, data)

    def _require_unchanged(self, descriptor: int) -> None:
        size = self._disk.size_if_named(descriptor, self._path)
        if size is None:
            raise Conflict("it was moved or removed while this run was writing to it")
        if size != self._size:
            raise Conflict("somebody else has written to it while this run held the lock")


def _end_of(content: bytes, head: JournalHead) -> int:
    """Return the offset after the record of `head`. Raises Conflict when more than a torn record follows it."""
    end = 0
    if head != START:
        mark = line_ending(head)
        if (position := content.rfind(mark)) < 0:
            raise Conflict(f"it does not hold record {head.sequence} any more")
        end = position + len(mark)
        end += content[end : end + 1] == b"\n"
    rest = content[end:]
    if rest and (b"\n" in rest or not is_torn(rest)):
        raise Conflict("it has other records behind that one")
    return end


@contextmanager
def _full_disk_as_not_written() -> Iterator[None]:
    """Turn the OSError of a full disk into NotWritten: the caller removes what was written, so a later append may
    succeed.
    """
    try:
        yield
    except OSError as failure:
        if failure.errno in _NO_SPACE:
            raise NotWritten(failure.strerror or str(failure)) from failure
        raise


def read_file(disk: Disk, path: Path) -> bytes | None:
    """Return the file's content, or None when it does not exist. Raises StoreError `store-unreadable`."""
    try:
        return disk.read(path)
    except OSError as failure:
        raise unreadable(path, failure) from failure


def unreadable(path: Path, failure: OSError) -> StoreError:
    return StoreError(
        error(
            "store-unreadable",
            f"cannot read {path}: {failure.strerror or failure}",
            hint="Nothing was changed. The folder and its files must belong to you; symbolic links are not followed.",
        )
    )
