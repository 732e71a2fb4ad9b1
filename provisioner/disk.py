"""Every touch of the disk, numbered by being here: tests replace this one class to fail or to die at any of them.

Operations raise plain OSError; what a failure means to a person is said by the callers. Nothing here follows a symbolic
link, and nothing is created wider than its owner. It knows no file format.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

_PRIVATE_FILE = 0o600
_PRIVATE_FOLDER = 0o700


class Disk:
    def make_folder(self, folder: Path) -> None:
        """With its missing parents; durable when it returns."""
        if folder.is_dir():
            return
        self.make_folder(folder.parent)
        with suppress(FileExistsError):
            folder.mkdir(mode=_PRIVATE_FOLDER)
        self.sync_folder(folder.parent)

    def read(self, path: Path) -> bytes | None:
        """None when there is no such file."""
        try:
            # Without O_NONBLOCK a pipe in a file's place would be waited on for ever.
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        with open(descriptor, "rb") as file:  # noqa: PTH123 - pathlib cannot open a descriptor
            return file.read()

    def read_end(self, path: Path, size: int) -> tuple[bytes, bool]:
        """The last `size` bytes, and whether that is all there is. A missing file has none."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return b"", True
        with open(descriptor, "rb") as file:  # noqa: PTH123 - pathlib cannot open a descriptor
            begin = max(0, file.seek(0, os.SEEK_END) - size)
            file.seek(begin)
            return file.read(), begin == 0

    def open(self, path: Path, flags: int) -> int:
        return os.open(path, flags | os.O_NOFOLLOW, _PRIVATE_FILE)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)

    def lock(self, descriptor: int) -> None:
        """Until it is closed. Raises BlockingIOError where another process holds it."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def write(self, descriptor: int, data: bytes) -> int:
        """How many bytes were taken: fewer than given on a disk that is filling up."""
        return os.write(descriptor, data)

    def reserve(self, descriptor: int, size: int) -> None:
        """Takes `size` bytes of the disk away for an empty file."""
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
        else:
            write_all(self, descriptor, bytes(size))

    def truncate(self, descriptor: int, size: int) -> None:
        os.ftruncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        source.replace(target)

    def remove(self, path: Path) -> None:
        """Does nothing when there is no such file."""
        path.unlink(missing_ok=True)

    def sync_folder(self, folder: Path) -> None:
        """Makes created and renamed names durable, which syncing the files does not."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def size_if_named(self, descriptor: int, path: Path) -> int | None:
        """The size of an open file; None when `path` no longer names it, so that what is written to it would be lost."""
        opened = os.fstat(descriptor)
        try:
            named = path.lstat()
        except FileNotFoundError:
            return None
        return opened.st_size if os.path.samestat(opened, named) else None

    def stamp(self, path: Path) -> tuple[int, int, int] | None:
        """Equal stamps mean an untouched file, for less than reading it; None when there is no such file."""
        try:
            found = path.lstat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns


def write_all(disk: Disk, descriptor: int, data: bytes) -> None:
    while data:
        written = disk.write(descriptor, data)
        data = data[written:]


def replace_file(disk: Disk, path: Path, data: bytes) -> None:
    """In one step: whoever looks, and whatever dies, there is the old file or the new one. Raises OSError.

    A temporary file left by a run that died is replaced; the caller lets no second writer of `path` in.
    """
    temporary = path.with_name(f".{path.name}.new")
    disk.remove(temporary)
    descriptor = disk.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        try:
            write_all(disk, descriptor, data)
            disk.sync(descriptor)
        finally:
            disk.close(descriptor)
        disk.rename(temporary, path)
    except OSError:
        with suppress(OSError):
            disk.remove(temporary)
        raise
    disk.sync_folder(path.parent)
    if disk.read(path) != data:
        raise OSError(errno.EIO, "it reads back differently from what was written")
