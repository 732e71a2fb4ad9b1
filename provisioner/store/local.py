"""The store in a folder: for a label `demo.dev` the files demo.dev.json, .journal, .backup and .lock.

Readers take no lock: they read the state before the journal, so the journal they see is never the older of the two, and look
again before they refuse.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from secrets import token_hex

from provisioner.disk import Disk
from provisioner.model.diagnostic import Diagnostic, StoreError, UsageError, error, warning
from provisioner.model.history import HistoryRecord, Verified
from provisioner.model.state import State
from provisioner.store.clock import Clock
from provisioner.store.lock import FileLock
from provisioner.store.protocol import LockHolder, Salvaged, Siblings, Waiting
from provisioner.store.reading import Files, Known, is_behind, read_history, read_known, state_behind, state_missing
from provisioner.store.repair import LocalRepair
from provisioner.store.salvage import Remains, salvage
from provisioner.store.session import LocalSession
from provisioner.store.verifying import verify
from provisioner.store.witness import Witness

_OTHERS_WRITE = 0o022
"""Reading the folder shows names only, as the files are 0600; a fresh git clone makes it 0755 for everybody."""
_ID_BYTES = 6
"""Of a lock's id: long enough to be nobody else's, short enough to be typed."""


class LocalStore:
    def __init__(
        self,
        folder: Path,
        label: str,
        *,
        disk: Disk | None = None,
        clock: Clock | None = None,
        witness: Witness | None = None,
    ) -> None:
        if label in {"", ".."} or Path(label).name != label:
            raise UsageError(error("store-label", f"{label!r} cannot name a state", hint="Use a name without a slash."))
        self._files = Files(folder, label)
        self._disk = disk or Disk()
        self._clock = clock or Clock()
        self._witness = witness or Witness()
        self._lock = FileLock(self._files.lock, disk=self._disk, clock=self._clock)

    @property
    def location(self) -> str:
        return str(self._files.state)

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

    def load(self) -> State | None:
        known, _, _ = self._read()
        return None if known is None else known.state

    def siblings(self) -> Siblings:
        """A journal without its state is one, too: it says that servers may be owned."""
        paths = (path for suffix in ("json", "journal") for path in self._files.folder.glob(f"*.{suffix}"))
        states: dict[str, State] = {}
        unread: dict[str, str] = {}
        for label in sorted({path.stem for path in paths} - {self._files.label}):
            try:
                state = self._beside(label).load()
            except StoreError as problem:
                unread[label] = problem.diagnostics[0].summary
            else:
                states |= {} if state is None else {label: state}
        return Siblings(states, unread)

    def holder(self) -> LockHolder | None:
        return self._lock.holder()

    def history(self) -> Iterator[HistoryRecord]:
        known, _, journal = self._read()
        if known is not None and journal:
            yield from read_history(self._files, journal, lineage=known.written.lineage)

    def verify(self) -> Verified:
        known, state, journal = self._read()
        if known is None or state is None:
            raise StoreError(
                error(
                    "nothing-recorded",
                    f"nothing is recorded yet at {self.location}, so there is no history to verify",
                    hint="check -e and --state, or begin with apply",
                )
            )
        return verify(self._files, state=state, journal=journal)

    @contextmanager
    def write(
        self, *, command: str, who: str, timeout: float, waiting: Waiting | None = None
    ) -> Iterator[LocalSession]:
        with self._locked(command=command, who=who, timeout=timeout, waiting=waiting) as descriptor:
            known, state, journal = self._read()
            session = LocalSession(
                self._files,
                disk=self._disk,
                clock=self._clock,
                witness=self._witness,
                locked=lambda: self._lock.still_holds(descriptor),
                known=known,
                state=state,
                journal=journal,
            )
            try:
                yield session
            finally:
                session.close()

    @contextmanager
    def repair(
        self, *, command: str, who: str, timeout: float, waiting: Waiting | None = None
    ) -> Iterator[LocalRepair]:
        with self._locked(command=command, who=who, timeout=timeout, waiting=waiting):
            remains = Remains(*map(self._bytes, (self._files.state, self._files.backup, self._files.journal)))
            try:
                self._read()
                damage: tuple[Diagnostic, ...] = ()
            except StoreError as refusal:
                damage = refusal.diagnostics
            salvaged = self._witnessed(salvage(self._files, remains, damage=damage))
            yield LocalRepair(
                self._files,
                disk=self._disk,
                clock=self._clock,
                witness=self._witness,
                remains=remains,
                salvaged=salvaged,
            )

    @contextmanager
    def _locked(self, *, command: str, who: str, timeout: float, waiting: Waiting | None) -> Iterator[int]:
        """The lock's descriptor."""
        try:
            self._disk.make_folder(self._files.folder)
        except OSError as failure:
            raise self._unreadable(self._files.folder, failure) from failure
        holder = LockHolder(
            who=who,
            pid=os.getpid(),
            host=socket.gethostname(),
            command=command,
            since=self._clock.now(),
            id=token_hex(_ID_BYTES),
        )
        descriptor = self._lock.take(holder, timeout=timeout, waiting=waiting)
        try:
            yield descriptor
        finally:
            self._lock.release(descriptor)

    def _read(self) -> tuple[Known | None, bytes | None, bytes | None]:
        """A refusal counts when a second look finds the same: without the lock a run may write between two files."""
        looked = self._look()
        while True:
            try:
                return self._judged(*looked), *looked
            except StoreError:
                again = self._look()
                if again == looked:
                    raise
                looked = again

    def _judged(self, state: bytes | None, journal: bytes | None) -> Known | None:
        if state is not None:
            known = read_known(self._files, state=state, journal=journal)
            seen = self._witness.last_seen(known.written.lineage)
            if seen is not None and is_behind(self._files, known, journal, seen=seen):
                raise state_behind(self._files, known, seen)
            return known
        for path in (self._files.journal, self._files.backup):
            if self._bytes(path) is not None:
                raise state_missing(self._files, beside=path)
        return None

    def _beside(self, label: str) -> LocalStore:
        return LocalStore(self._files.folder, label, disk=self._disk, clock=self._clock, witness=self._witness)

    def _witnessed(self, salvaged: Salvaged) -> Salvaged:
        """Of an older copy everything is readable, and what was recorded since is missing."""
        seen = self._witness.last_seen(salvaged.lineage or "")
        if seen is None or salvaged.serial > seen.serial or seen.head in salvaged.heads:
            return salvaged
        return replace(salvaged, complete=False, serial=max(salvaged.serial, seen.serial))

    def _look(self) -> tuple[bytes | None, bytes | None]:
        return self._bytes(self._files.state), self._bytes(self._files.journal)

    def _bytes(self, path: Path) -> bytes | None:
        try:
            return self._disk.read(path)
        except OSError as failure:
            raise self._unreadable(path, failure) from failure

    def _unreadable(self, path: Path, failure: OSError) -> StoreError:
        return StoreError(
            error(
                "store-unreadable",
                f"cannot read {path}: {failure.strerror or failure}",
                hint="Nothing was changed. The folder and its files must belong to you; symbolic links are not followed.",
            )
        )
