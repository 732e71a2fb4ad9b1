"""Checks of the folder of a state, for `doctor`: what an apply needs of it, tried out on a file that has no name any more.

The trial file loses its name before anything is written to it, so that nothing stays behind, even when the process dies.
"""

from __future__ import annotations

import fcntl
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from stat import S_IMODE
from typing import Final

from provisioner.disk import Disk, describe_obstacle
from provisioner.model.check import CheckResult, doubtful, failed, passed
from provisioner.store.contract import StoreCheck
from provisioner.store.folder.files import Files, label_of
from provisioner.store.folder.mounts import Mount, mount_of
from provisioner.store.folder.reserve import SIZE

_OTHERS_WRITE: Final = 0o022
_OTHERS: Final = 0o077
_LOW: Final = 64 * 1024 * 1024
"""Free bytes below which a person is warned."""
_SLOW: Final = 0.25
"""Seconds for a durable write beyond which a person is warned: every purchase waits for two of them."""
_WRITES: Final = 5
_SHARED_TYPES: Final = ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "ceph", "fuse.glusterfs", "lustre")
_FLEETING_TYPES: Final = ("tmpfs", "ramfs", "overlay")
_WITHOUT_SHARED_LOCKS: Final = frozenset({"nolock", "local_lock=all", "local_lock=flock", "nobrl", "localflock"})


class FolderChecks:
    """The checks of one state's folder."""

    def __init__(self, files: Files, *, disk: Disk) -> None:
        self._files = files
        self._folder = files.folder
        self._disk = disk

    def __iter__(self) -> Iterator[StoreCheck]:
        yield StoreCheck("folder", self._examine_folder)
        yield StoreCheck("file-system", self._examine_file_system, needs=("folder",))
        yield StoreCheck("permissions", self._examine_permissions, needs=("folder",))
        yield StoreCheck("files", self._examine_files, needs=("folder",))
        yield StoreCheck("writable", self._examine_writing, needs=("folder",))
        yield StoreCheck("flock", self._examine_lock, needs=("writable",))
        yield StoreCheck("disk-space", self._examine_space, needs=("writable",))
        yield StoreCheck("latency", self._examine_latency, needs=("writable",))

    def _examine_folder(self) -> CheckResult:
        try:
            obstacle = "" if self._folder.is_dir() else describe_obstacle(self._folder) or self._plain_file()
            place = self._place()
        except OSError as failure:
            return self._unusable(f"cannot look at {self._folder}", failure)
        if obstacle:
            return failed(
                "store-folder-unusable",
                f"{self._folder} is {obstacle}, and no folder",
                hint="Move it away, or name another folder with --state.",
            )
        if place == self._folder:
            return passed(f"{self._folder} exists")
        return passed(f"{self._folder} does not exist yet; an apply makes it, in {place}")

    def _examine_file_system(self) -> CheckResult:
        mount = mount_of(self._place())
        if mount is None:
            return passed("the type of the file system is unknown")
        return _judge_mount(mount)

    def _examine_permissions(self) -> CheckResult:
        place = self._place()
        if place != self._folder:
            return passed("the folder will be made with mode 0700")
        found = place.stat()
        if found.st_uid not in {os.geteuid(), 0}:
            return doubtful(
                "store-folder-open",
                f"{place} belongs to another user of this machine (id {found.st_uid})",
                hint="Whoever owns the folder can change the state: give it to the user who runs apply.",
            )
        if found.st_mode & _OTHERS_WRITE:
            return doubtful(
                "store-folder-open",
                f"{place} can be changed by other users of this machine (mode {S_IMODE(found.st_mode):04o})",
                hint=f"Run: chmod 700 {place}",
            )
        return passed(f"only its owner can change it (mode {S_IMODE(found.st_mode):04o})")

    def _examine_files(self) -> CheckResult:
        parts = self._parts()
        for path in parts:
            if obstacle := describe_obstacle(path):
                hint = "Symbolic links are not followed. Put the file itself in its place."
                return failed("store-unreadable", f"{path} is {obstacle}, and no file", hint=hint)
            if not os.access(path, os.R_OK | os.W_OK):
                hint = "Give it to the user who runs apply, with mode 0600."
                return failed("store-unreadable", f"{path} may not be read and written by this user", hint=hint)
        if open_ones := [path for path in parts if path.stat().st_mode & _OTHERS]:
            names = " ".join(str(path) for path in open_ones)
            found = f"{open_ones[0].name} can be read or changed by other users"
            return doubtful("state-file-open", found, hint=f"Run: chmod 600 {names}")
        return passed(", ".join(path.name for path in parts) or "there are none yet")

    def _examine_writing(self) -> CheckResult:
        place = self._place()
        try:
            with self._trial_file() as descriptor:
                self._disk.write(descriptor, b"\n")
                self._disk.sync(descriptor)
                self._disk.sync_folder(place)
        except OSError as failure:
            return self._unusable(f"cannot write in {place}", failure)
        return passed(f"a file can be made in {place} and written durably")

    def _examine_lock(self) -> CheckResult:
        try:
            with self._trial_file() as descriptor:
                self._disk.lock(descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        except OSError as failure:
            return failed(
                "lock-unusable",
                f"cannot lock a file in {self._place()}: {failure.strerror or failure}",
                hint="Keep the state on a file system that supports flock; without a lock nothing is bought.",
            )
        return passed("flock works there")

    def _examine_space(self) -> CheckResult:
        place = self._place()
        try:
            with self._trial_file() as descriptor:
                self._disk.reserve(descriptor, SIZE)
        except OSError as failure:
            found = f"{SIZE // 1024} KiB cannot be reserved in {place}: {failure.strerror or failure}"
            return failed("disk-full", found, hint="Make room there: an apply reserves it before it buys anything.")
        free = os.statvfs(place)
        available = free.f_bavail * free.f_frsize
        if available < _LOW:
            found = f"only {available // 1024**2} MiB are free in {place}"
            return doubtful("disk-low", found, hint="Make room there before it stops an apply.")
        return passed(f"{available // 1024**2:,} MiB are free")

    def _examine_latency(self) -> CheckResult:
        seconds = []
        with self._trial_file() as descriptor:
            for _ in range(_WRITES):
                started = time.monotonic()
                self._disk.write(descriptor, bytes(512))
                self._disk.sync(descriptor)
                seconds.append(time.monotonic() - started)
        typical = statistics.median(seconds)
        if typical > _SLOW:
            found = f"a durable write takes {typical * 1000:.0f} ms"
            return doubtful("store-slow", found, hint="Every purchase waits for two of them. A local disk is faster.")
        return passed(f"a durable write takes {typical * 1000:.1f} ms")

    def _place(self) -> Path:
        """Return the folder, or as long as it does not exist the nearest one above it. Raises OSError."""
        place = self._folder.absolute()
        while not place.is_dir() and place != place.parent:
            place = place.parent
        return self._folder if place == self._folder.absolute() else place

    def _plain_file(self) -> str:
        return "a file" if self._folder.exists() else ""

    def _parts(self) -> tuple[Path, ...]:
        if not self._folder.is_dir():
            return ()
        lock = self._files.lock.name
        names = sorted(path.name for path in self._folder.iterdir())
        return tuple(self._folder / name for name in names if name == lock or label_of(name) == self._files.label)

    @contextmanager
    def _trial_file(self) -> Iterator[int]:
        """Open a new file without a name. Raises OSError."""
        path = self._place() / f".provisioner-doctor-{token_hex(6)}"
        descriptor = self._disk.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try:
            self._disk.remove(path)
            yield descriptor
        finally:
            self._disk.close(descriptor)

    def _unusable(self, what: str, failure: OSError) -> CheckResult:
        return failed(
            "store-folder-unusable",
            f"{what}: {failure.strerror or failure}",
            hint=f"{self._files.words.make_writable}, or name another folder with --state.",
        )


def _judge_mount(mount: Mount) -> CheckResult:
    where = f"{mount.type} at {mount.point}"
    if mount.type in _SHARED_TYPES and (lax := _WITHOUT_SHARED_LOCKS & mount.options):
        return doubtful(
            "lock-not-shared",
            f"{where} is mounted with {min(lax)}, so a lock keeps out no other machine, and two could buy at once",
            hint="Mount it without that option, or keep the state in a database that all machines reach.",
        )
    if mount.type in _FLEETING_TYPES:
        return doubtful(
            "store-not-lasting",
            f"{where} may end with this container or with a restart, and the state with it",
            hint="Keep the state on a disk or volume that lasts, or in a database.",
        )
    return passed(where)
