"""A folder while its lock is held: a run's writes, each based on what was read, and the detection of a second writer."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from provisioner.disk import Disk, replace_file
from provisioner.store.clock import StoreClock
from provisioner.store.contract import LATE, Blob, Conflict, DamagedParts, Intrusion, Undecided
from provisioner.store.folder.files import Files, label_of
from provisioner.store.folder.log import FileLog, read_file
from provisioner.store.folder.reserve import Reserve


class LockedFolderStore:
    """The folder store of the run that holds its lock. `locked` returns whether the lock still keeps others out."""

    def __init__(self, files: Files, *, disk: Disk, clock: StoreClock, locked: Callable[[], bool]) -> None:
        self._files = files
        self._disk = disk
        self._clock = clock
        self._locked = locked
        self._state_path = files.state
        self._state: bytes | None = None
        """The content of the state file when it was last read or written."""
        self._unchanged_stamp: tuple[int, int, int] | None = None
        """The stamp of the state file when its content was last found unchanged.

        The file is read again only when the stamp changes.
        """
        self._reserve = Reserve(files.reserve, disk=disk)
        self._logs: dict[str, FileLog] = {}

    def checkpoint(self, age: int = 0) -> Blob | None:
        found = read_checkpoint(self._disk, self._files, age)
        if age == 0:
            self._state = None if found is None else found.data
        return found

    def log(self, name: str) -> FileLog:
        """Return the log of this name. It is the same object each time, because it remembers what it has read."""
        if name not in self._logs:
            self._logs[name] = FileLog(self._files.log(name), disk=self._disk, reserve=self._reserve)
        return self._logs[name]

    def intrusion(self) -> Intrusion | None:
        """Return evidence that the lock was bypassed.

        It is called before every purchase, so it costs only two stat calls while nothing has changed.
        """
        try:
            if not self._locked():
                found = "it was moved or removed while this run held the lock"
                return Intrusion("lock-lost", str(self._files.lock), found)
        except OSError as failure:
            return Intrusion("lock-lost", str(self._files.lock), failure.strerror or str(failure))
        try:
            stamp = self._disk.stamp(self._state_path)
            if stamp is None or stamp != self._unchanged_stamp:
                self._require_unchanged()
                self._unchanged_stamp = stamp
        except Conflict as conflict:
            return Intrusion("state-moved", str(self._state_path), conflict.reason)
        except OSError as failure:
            return Intrusion("state-moved", str(self._state_path), failure.strerror or str(failure))
        return None

    def taken_over(self) -> None:
        """The kernel takes a lock from nobody."""

    def seconds_left(self) -> float:
        return math.inf

    def create_checkpoint(self, sequence: int, data: bytes) -> None:  # noqa: ARG002 - the state contains it
        with _as_undecided(self._files.state):
            found = self._require_unchanged()
            if found is not None:
                replace_file(self._disk, self._files.backup, found)
            replace_file(self._disk, self._files.state, data)
            self._state = data

    def replace(
        self,
        before: DamagedParts,
        journal: bytes,
        state: bytes,
        *,
        mentions: Collection[str] = (),  # noqa: ARG002 - a folder keeps no index of them
    ) -> tuple[str, ...]:
        """Write the copies, then the journal, then the state, and remove the old backup last."""
        files = self._files
        parts = {files.state: before.state, files.journal: before.journal, files.backup: before.backup}
        for path, data in parts.items():
            with _as_undecided(path):
                if self._disk.read(path) != data:
                    raise Conflict("it was changed while it was being looked at, and is left as it is", str(path))
        moment = datetime.fromtimestamp(self._clock.now() / 1000, UTC)
        mark = f"before-{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03}Z"
        copies = []
        for path, data in parts.items():
            if data is not None:
                copies.append(path.with_name(f"{path.name}.{mark}"))
                with _as_undecided(files.folder):
                    replace_file(self._disk, copies[-1], data)
        with _as_undecided(files.journal):
            replace_file(self._disk, files.journal, journal)
        with _as_undecided(files.state):
            replace_file(self._disk, files.state, state)
        with _as_undecided(files.backup):
            self._disk.remove(files.backup)
            self._disk.sync_folder(files.folder)
        return tuple(copy.name for copy in copies)

    def move_to(self, label: str, before: bytes | None, journal: bytes) -> None:
        """Copy the journal, move the backup, carry over the late answers, and then move the state file.

        That one step decides: before it, this label has its state and its journal, and after it the other one has. A
        journal without its state file is never taken for a state.
        """
        files, target = self._files, Files(self._files.folder, label)
        with _as_undecided(target.folder):
            if self._disk.read(target.state) is not None:
                raise Conflict("it exists", str(target.state))
            if self._disk.read(files.journal) != before:
                raise Conflict("it was changed while it was being moved, and is left as it is", str(files.journal))
            self._require_unchanged()
            replace_file(self._disk, target.journal, journal)
            if self._disk.read(files.backup) is not None:
                self._disk.rename(files.backup, target.backup)
            self._carry_late(target)
            self._disk.sync_folder(files.folder)
            self._disk.rename(files.state, target.state)
            self._disk.sync_folder(files.folder)
        self._state = None
        self.clear_moved(label)

    def clear_moved(self, label: str) -> None:
        files, target = self._files, Files(self._files.folder, label)
        with _as_undecided(files.folder):
            if self._disk.read(files.state) is not None:
                raise Conflict("it exists", str(files.state))
            self._carry_late(target)
            for path in (files.backup, files.journal, files.log(LATE), files.reserve):
                self._disk.remove(path)
            for path in sorted(files.folder.iterdir()):
                if label_of(path.name) == files.label:
                    self._disk.rename(path, path.with_name(f"{label}{path.name.removeprefix(files.label)}"))
            self._disk.sync_folder(files.folder)

    def _carry_late(self, target: Files) -> None:
        """Append the late answers to those of the other label, unless they are there already."""
        late = self._disk.read(self._files.log(LATE)) or b""
        kept = self._disk.read(target.log(LATE)) or b""
        if late not in kept:
            replace_file(self._disk, target.log(LATE), kept + late)

    def release(self) -> None:
        for log in self._logs.values():
            log.release()

    def _require_unchanged(self) -> bytes | None:
        """Return the state file's content.

        Raises Conflict when something that ignores the lock has changed it: an editor, a sync tool, a copy.
        """
        found = self._disk.read(self._state_path)
        if found != self._state:
            raise Conflict("it was changed while this run held the lock, and the change is left as it is")
        return found


@contextmanager
def _as_undecided(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as failure:
        place = failure.filename or path
        raise Undecided(failure.strerror or str(failure), str(place)) from failure


def read_checkpoint(disk: Disk, files: Files, age: int) -> Blob | None:
    """Read the state (age 0) or the one before the last run (age 1); no older ones are kept."""
    if age > 1:
        return None
    path = files.backup if age else files.state
    data = read_file(disk, path)
    return None if data is None else Blob(str(path), data)
