"""Admits one writer at a time by flock on a separate file that is never replaced or removed.

The kernel frees the lock of a dead process.

The file's content names the holder for messages only; it is not the lock. This module does not know what the lock
protects.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter

from provisioner.disk import Disk, write_all
from provisioner.model.diagnostic import LockHeld, StoreError, error
from provisioner.store.clock import StoreClock
from provisioner.store.words import LockHolder, LockWaitListener, LockWaitStatus, UnlockAdvice

_POLL = 0.25
_SHORT_PAUSE = 0.005
"""Seconds to wait for another process to finish querying the lock, or for a new holder to write its name."""
_BEGINS = b'{"who": '
"""How the content of a lock file begins, in every version."""
_HOLDER_ATTEMPTS = 4
_LATEST = 253_402_300_799_000
"""Milliseconds since the epoch: the end of the year 9999, the last one that `datetime` supports."""


class FileLock:
    """A lock on the file at `path`."""

    def __init__(self, path: Path, *, disk: Disk, clock: StoreClock) -> None:
        self._path = path
        self._disk = disk
        self._clock = clock

    def take(self, holder: LockHolder, *, timeout: float, on_wait: LockWaitListener | None) -> int:
        """Take the lock and return its descriptor.

        Raises LockHeld after `timeout` seconds. Waiting processes have no order.
        """
        started = self._clock.elapsed()
        while (descriptor := self._try_lock()) is None:
            other = self.holder()
            waited = self._clock.elapsed() - started
            if other is None:
                self._clock.sleep(_SHORT_PAUSE)
            elif waited >= timeout:
                raise self._held_error(other)
            else:
                if on_wait is not None:
                    on_wait(LockWaitStatus(other, waited))
                self._clock.sleep(min(_POLL, timeout - waited))
        try:
            self._write_holder(descriptor, holder)
        except BaseException:
            self._disk.close(descriptor)
            raise
        return descriptor

    def still_holds(self, descriptor: int) -> bool:
        """Whether the lock file is still in place.

        If it was moved or removed, another run can hold its own lock. Raises OSError.
        """
        return self._is_named(descriptor)

    def release(self, descriptor: int) -> None:
        self._disk.close(descriptor)

    def holder(self) -> LockHolder | None:
        """Return the holder; None when the lock is free.

        This takes a shared lock for an instant. A writer that meets it finds no holder and tries again.
        """
        for _ in range(_HOLDER_ATTEMPTS):
            try:
                descriptor = self._disk.open(self._path, os.O_RDONLY)
            except FileNotFoundError:
                return None
            except OSError as failure:
                raise self._unusable(failure) from failure
            try:
                if self._flock(descriptor, fcntl.LOCK_SH):
                    return None
            finally:
                self._disk.close(descriptor)
            if (holder := self._read_holder()) is not None:
                return holder
            self._clock.sleep(_SHORT_PAUSE)
        return LockHolder(who="someone", pid=0, host="an unknown host", command="a command", since=self._clock.now())

    def unlock_advice(self, holder: LockHolder) -> UnlockAdvice:
        """Explain how to end the process that holds the lock, because only its end frees the lock."""
        held_by = f"{holder.who}: {holder.work}"
        if holder.host != socket.gethostname():
            return UnlockAdvice(
                f"the lock {holder.id} is held from another machine by {held_by}",
                f"End it on {holder.host}: kill {holder.pid}. If {holder.host} is gone, its lock ends when the file server notices "
                "that, mostly within minutes. Do not remove or replace the lock file: that ends no run, and two could then buy at "
                f"once. If {holder.host} is surely off and the lock stays, copy the .json, .journal and .backup files to another "
                "folder and work there with --state.",
            )
        if _is_running(holder.pid):
            return UnlockAdvice(
                f"the lock {holder.id} is not taken away from a live process: {held_by}",
                f"End it: kill {holder.pid}. It then sends nothing new, records the replies in flight and names what is under way. "
                f"Only if it does not end: kill -9 {holder.pid}. The lock ends with it, and the next apply or destroy looks for what it had "
                "sent.",
            )
        return UnlockAdvice(
            f"the lock {holder.id} outlives its process: {held_by}",
            f"process {holder.pid} cannot be seen from here: it runs in a container, or has left the lock to a process of its "
            f"own. Find that one (fuser -v {self._path}) and end it: the lock ends with it.",
        )

    def _try_lock(self) -> int | None:
        try:
            descriptor = self._disk.open(self._path, os.O_RDWR | os.O_CREAT)
        except OSError as failure:
            raise self._unusable(failure) from failure
        kept = False
        try:
            # A lock is on the file, not on its name. If the name refers to another file now, it would protect nothing.
            kept = self._flock(descriptor, fcntl.LOCK_EX) and self._is_named(descriptor)
        finally:
            if not kept:
                self._disk.close(descriptor)
        return descriptor if kept else None

    def _write_holder(self, descriptor: int, holder: LockHolder) -> None:
        try:
            self._require_own()
            self._disk.truncate(descriptor, 0)
            write_all(self._disk, descriptor, json.dumps(asdict(holder)).encode())
        except OSError as failure:
            raise self._unusable(failure) from failure

    def _require_own(self) -> None:
        """Raises OSError when the file is no lock of this tool, such as another tool's `poetry.lock` for a stack `poetry`."""
        found = self._disk.read(self._path) or b""
        if not found.startswith(_BEGINS) and not _BEGINS.startswith(found):
            raise FileExistsError(errno.EEXIST, "a file of something else stands there", str(self._path))

    def _is_named(self, descriptor: int) -> bool:
        return self._disk.size_if_named(descriptor, self._path) is not None

    def _flock(self, descriptor: int, mode: int) -> bool:
        try:
            fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as failure:
            raise self._unusable(failure) from failure
        return True

    def _read_holder(self) -> LockHolder | None:
        try:
            holder = TypeAdapter(LockHolder).validate_json(self._disk.read(self._path) or b"")
        except (ValueError, OSError):
            return None
        return holder if 0 <= holder.since <= _LATEST else None

    def _held_error(self, holder: LockHolder) -> LockHeld:
        """Return the error for a held lock.

        Its hint is to end the process. It suggests force-unlock only for another host, whose processes we cannot see.
        """
        hint = (
            "Wait for it, for example with --lock-timeout 10m; `provisioner progress` follows it. If that process hangs, stop it: the lock ends with it, and "
            "what it had under way is resumed by the next apply."
        )
        if holder.host != socket.gethostname() and holder.id is not None:
            hint += f" When {holder.host} is gone: `provisioner force-unlock {holder.id}`."
        lock = f"lock {holder.id} in {self._path}" if holder.id else str(self._path)
        return LockHeld(
            error("lock-held", f"{holder.who} is at work on this state: {holder.work}", hint=hint, detail=lock)
        )

    def _unusable(self, failure: OSError) -> StoreError:
        return StoreError(
            error(
                "lock-unusable",
                f"cannot lock {self._path}: {failure.strerror}",
                hint="Nothing was changed. The folder must be writable and its file system must support flock; "
                "without a lock nothing is bought.",
            )
        )


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)  # sends nothing
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True
