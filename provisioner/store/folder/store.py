"""A state in a folder.

Readers take no lock: they read the state before the journal, so that the journal is never the older one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from provisioner.disk import Disk
from provisioner.model.diagnostic import Diagnostic, UsageError, error, warning
from provisioner.store.clock import StoreClock
from provisioner.store.contract import LATE, Blob, LockType, StoreCheck
from provisioner.store.folder.files import Files, label_of
from provisioner.store.folder.location import keep_out_of_git
from provisioner.store.folder.lock import FileLock
from provisioner.store.folder.locked_store import LockedFolderStore, read_checkpoint
from provisioner.store.folder.log import FileLog, unreadable
from provisioner.store.folder.reserve import Reserve
from provisioner.store.words import LockHolder, LockWaitListener, StoreWords, UnlockAdvice

_OTHERS_WRITE = 0o022
"""Permission bits that let others write.

Reading the folder shows file names only, as the files are 0600; a git clone creates folders as 0755.
"""


class FolderStore:
    """The store of the state `label` in `folder`. Raises UsageError `store-label` for an unusable label."""

    def __init__(self, folder: Path, label: str, *, disk: Disk | None = None, clock: StoreClock | None = None) -> None:
        if label in {"", ".."} or Path(label).name != label:
            raise UsageError(error("store-label", f"{label!r} cannot name a state", hint="Use a name without a slash."))
        self._files = Files(folder, label)
        self._disk = disk or Disk()
        self._clock = clock or StoreClock()
        self._lock = FileLock(self._files.lock, disk=self._disk, clock=self._clock)

    @property
    def words(self) -> StoreWords:
        return self._files.words

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        folder = self._files.folder
        if not folder.is_dir() or not folder.stat().st_mode & _OTHERS_WRITE:
            return ()
        return (
            warning(
                "store-folder-open",
                f"{folder} can be changed by other users of this machine",
                hint=f"Run: chmod 700 {folder}",
            ),
        )

    @property
    def lock_type(self) -> LockType:
        return LockType.KERNEL

    @property
    def requires_checkpoint(self) -> bool:
        """True, because a sync tool, an editor or a backup may restore a single file, and only the other file shows
        that.
        """
        return True

    @property
    def checkpoint_after(self) -> int:
        return 0

    def is_place_of_state(self, path: Path) -> bool:
        """Return whether a file at `path` is, or would be taken for, a part of this state or of another one here."""
        is_part = label_of(path.name) is not None or path.suffix == ".lock"
        return is_part and path.parent == self._files.folder.resolve()

    def checkpoint(self, age: int = 0) -> Blob | None:
        return read_checkpoint(self._disk, self._files, age)

    def log(self, name: str) -> FileLog:
        reserve = Reserve(self._files.reserve, disk=self._disk)
        return FileLog(self._files.log(name), disk=self._disk, reserve=reserve, is_shared=name == LATE)

    def names(self) -> tuple[str, ...]:
        try:
            return tuple(sorted({label for path in self._files.folder.iterdir() if (label := label_of(path.name))}))
        except FileNotFoundError:
            return ()
        except OSError as failure:
            raise unreadable(self._files.folder, failure) from failure

    def sibling(self, label: str) -> FolderStore:
        return FolderStore(self._files.folder, label, disk=self._disk, clock=self._clock)

    def mentions(self, tokens: Collection[str]) -> None:  # noqa: ARG002 - a folder keeps no index
        return None

    def wait(self, seconds: float) -> None:
        self._clock.sleep(seconds)

    def holder(self) -> LockHolder | None:
        return self._lock.holder()

    def unlock_advice(self, holder: LockHolder) -> UnlockAdvice:
        return self._lock.unlock_advice(holder)

    def checks(self) -> Iterator[StoreCheck]:
        from provisioner.store.folder.checks import FolderChecks

        yield from FolderChecks(self._files, disk=self._disk)

    @contextmanager
    def lock(
        self, holder: LockHolder, *, timeout: float, on_wait: LockWaitListener | None = None
    ) -> Iterator[LockedFolderStore]:
        try:
            self._disk.make_folder(self._files.folder)
        except OSError as failure:
            raise unreadable(self._files.folder, failure) from failure
        descriptor = self._lock.take(holder, timeout=timeout, on_wait=on_wait)
        try:
            self._keep_out_of_git()
            locked = LockedFolderStore(
                self._files, disk=self._disk, clock=self._clock, locked=lambda: self._lock.still_holds(descriptor)
            )
            try:
                yield locked
            finally:
                locked.release()
        finally:
            self._lock.release(descriptor)

    def _keep_out_of_git(self) -> None:
        try:
            keep_out_of_git(self._disk, self._files.folder, lock=self._files.lock.name)
        except OSError as failure:
            raise unreadable(self._files.folder, failure) from failure
