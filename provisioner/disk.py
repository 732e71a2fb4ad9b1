"""All durable and atomic disk operations.

Tests replace the class `Disk` to make any single operation fail or end the process.

Operations raise plain OSError; callers turn it into a message for the user. Nothing here follows a symbolic link, and
only the owner can access what is created. This module knows no file format.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

_PRIVATE_FILE = 0o600
_SHARED_FILE = 0o666
_PRIVATE_FOLDER = 0o700
_CANNOT_LINK = frozenset({errno.EPERM, errno.EMLINK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})
"""What file systems without a second name for a file answer."""
_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
)


class Disk:
    """The disk operations of the program, one method each."""

    def make_folder(self, folder: Path) -> None:
        """Create `folder` and its missing parents. They are durable when this returns."""
        if folder.is_dir():
            return
        self.make_folder(folder.parent)
        with suppress(FileExistsError):
            folder.mkdir(mode=_PRIVATE_FOLDER)
        self.sync_folder(folder.parent)

    def read(self, path: Path) -> bytes | None:
        """Return the content of the file, or None when there is no such file."""
        try:
            # Without O_NONBLOCK, opening a named pipe in place of the file would block for ever.
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        with open(descriptor, "rb") as file:  # noqa: PTH123 - pathlib cannot open a descriptor
            return file.read()

    def read_end(self, path: Path, size: int) -> tuple[bytes, bool]:
        """Return the last `size` bytes and whether these are the whole file. A missing file counts as empty."""
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

    def open_shared(self, path: Path, flags: int) -> int:
        """Open a file that others may read, as far as the umask lets them, when it is created."""
        return os.open(path, flags | os.O_NOFOLLOW, _SHARED_FILE)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)

    def lock(self, descriptor: int) -> None:
        """Lock the file until `descriptor` is closed. Raises BlockingIOError when another process holds the lock."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def write(self, descriptor: int, data: bytes) -> int:
        """Return how many bytes were written, which is fewer than given on a disk that is filling up."""
        return os.write(descriptor, data)

    def reserve(self, descriptor: int, size: int) -> None:
        """Allocate `size` bytes on the disk for an empty file."""
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
        else:
            write_all(self, descriptor, bytes(size))

    def truncate(self, descriptor: int, size: int) -> None:
        os.ftruncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def link(self, source: Path, target: Path) -> None:
        """Give the file a second name. Raises FileExistsError when anything has that name."""
        os.link(source, target, follow_symlinks=False)

    def rename(self, source: Path, target: Path) -> None:
        source.replace(target)

    def remove(self, path: Path) -> None:
        """Remove the file. Does nothing when there is no such file."""
        path.unlink(missing_ok=True)

    def sync_folder(self, folder: Path) -> None:
        """Make created and renamed file names durable, which syncing the files alone does not."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def size_if_named(self, descriptor: int, path: Path) -> int | None:
        """Return the size of an open file, or None when `path` no longer names it: what is written to it would be lost."""
        opened = os.fstat(descriptor)
        try:
            named = path.lstat()
        except FileNotFoundError:
            return None
        return opened.st_size if os.path.samestat(opened, named) else None

    def stamp(self, path: Path) -> tuple[int, int, int] | None:
        """Return inode, size and modification time, or None when there is no such file.

        Equal stamps mean that the file was not touched; comparing them is cheaper than reading the file.
        """
        try:
            found = path.lstat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns


def write_all(disk: Disk, descriptor: int, data: bytes) -> None:
    """Write all of `data`, in as many writes as it takes."""
    while data:
        written = disk.write(descriptor, data)
        data = data[written:]


def replace_file(disk: Disk, path: Path, data: bytes) -> None:
    """Replace the file atomically: readers, and a crash at any moment, find either the old file or the new one.

    Raises OSError.

    A temporary file that a crashed run left behind is replaced. The caller makes sure that nobody else writes to
    `path`.
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


def may_exist(path: Path) -> bool:
    """Return whether there is something at `path`, or it cannot be looked at."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def describe_obstacle(path: Path) -> str:
    """Return what stands at `path` and is not a regular file, such as "a directory"; empty for a regular file and for nothing.

    Raises OSError.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return ""
    return next((what for is_kind, what in _KINDS if is_kind(mode)), "")


def place_file(
    disk: Disk, path: Path, data: bytes, *, replaces: tuple[int, int, int] | None = None, is_shared: bool = False
) -> None:
    """Write a file at a path that a person named: completely, or not at all.

    Raises OSError. What stands there is left as it is, unless its stamp is `replaces` (see `Disk.stamp`): then the new
    file takes its place in one step. With None nothing may stand there.

    The name of the temporary file is drawn anew each time, so that no file of a person is taken for one.
    """
    temporary = path.with_name(f".{path.name}.{token_hex(6)}.new")
    open_file = disk.open_shared if is_shared else disk.open
    descriptor = open_file(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        try:
            write_all(disk, descriptor, data)
            disk.sync(descriptor)
        finally:
            disk.close(descriptor)
        if replaces is None:
            _give_name(disk, temporary, path)
        elif disk.stamp(path) == replaces:
            disk.rename(temporary, path)
        else:
            raise FileExistsError(errno.EEXIST, "it was changed meanwhile", str(path))
    finally:
        with suppress(OSError):
            disk.remove(temporary)
    disk.sync_folder(path.parent)


def _give_name(disk: Disk, temporary: Path, path: Path) -> None:
    """Name the file `path`, which nothing has yet. Where files have one name only, an empty file holds the place first."""
    try:
        disk.link(temporary, path)
    except OSError as failure:
        if failure.errno not in _CANNOT_LINK:
            raise
        disk.close(disk.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        disk.rename(temporary, path)
