"""One served sandbox a world. Commands may share a world with it, request by request; two servers would each arm faults and
announce a token of their own for what is one cloud. Knows nothing of what is served.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from provisioner.sandbox.errors import SandboxError


@contextmanager
def sole_server(world: Path | None, address: str) -> Iterator[None]:
    """Holds the lock beside the world, which says who holds it; death frees it. Raises SandboxError when it is held.

    The file of the lock stays: whoever removed it could lock another one of the same name.
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
        lock.truncate(0)
        lock.write(f"process {os.getpid()} at {address}\n")
        lock.flush()
        try:
            yield
        finally:
            lock.truncate(0)


def _beside(world: Path) -> Path:
    """However the world is called: by way of links it is one world all the same."""
    real = world.resolve()
    return real.with_name(f"{real.name}.lock")


def _open(path: Path) -> IO[str]:
    try:
        return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+", encoding="utf-8")
    except OSError as error:
        raise SandboxError(
            f"cannot lock the sandbox's world: {path}: {error.strerror}. Choose another --world"
        ) from error
