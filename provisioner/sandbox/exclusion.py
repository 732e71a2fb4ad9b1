"""Allows only one served sandbox for a world.

Commands may share a world with it, request by request. Two servers would each have their own faults and token for one
cloud.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from provisioner.sandbox.errors import SandboxError

_LONGEST_LOCK: Final = 200
"""Characters."""


@contextmanager
def sole_server(world: Path | None, address: str) -> Iterator[None]:
    """Holds the lock beside the world, which names its holder. The lock ends with the process. Raises SandboxError if
    it is held.

    The lock file is never removed, because a process that removed it could lock another file of the same name.
    """
    if world is None:
        yield
        return
    with _open(_beside(world)) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = lock.read().strip() or "another process"
            raise SandboxError(
                f"{holder} serves the sandbox's world {world} already. Use that one, end it, or choose another --world"
            ) from None
        _require_lock(lock, _beside(world))
        lock.truncate(0)
        lock.write(f"process {os.getpid()} at {address}\n")
        lock.flush()
        try:
            yield
        finally:
            lock.truncate(0)


def _require_lock(lock: IO[str], path: Path) -> None:
    """Raises SandboxError for a file of something else, such as the lock of another tool. The file is not changed."""
    found = lock.read(_LONGEST_LOCK)
    lock.seek(0)
    if found and not found.startswith("process "):
        raise SandboxError(f"{path} is no lock of a sandbox's world, and is left as it is. Choose another --world")


def _beside(world: Path) -> Path:
    """Returns the path of the lock. Links to the same world lead to the same lock."""
    real = world.resolve()
    return real.with_name(f"{real.name}.lock")


def _open(path: Path) -> IO[str]:
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.fdopen(os.open(path, flags, 0o600), "r+", encoding="utf-8", errors="replace")
    except OSError as error:
        raise SandboxError(
            f"cannot lock the sandbox's world: {path}: {error.strerror}. Choose another --world"
        ) from error
