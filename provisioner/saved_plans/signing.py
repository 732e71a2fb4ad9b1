"""Signs plan files with a key of the user, so that a file can be recognised as the user's own.

The key is created on first use, or given by PROVISIONER_PLAN_KEY if several machines share one. Without a key, a plan
file is not signed, and apply asks (docs/decisions/0030).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from provisioner.disk import Disk, place_file
from provisioner.model.diagnostic import UsageError, error

_KEY_BYTES: Final = 32
_SHORTEST: Final = 16
_LONGEST: Final = 4096
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def signing_key(given: str | None, folder: Path) -> bytes | None:
    """Returns the key `given`, else the one in `folder`, which is made where there is none. None where it cannot be kept, or where others may
    read it. Raises UsageError for a given key that is too short to be one.
    """
    if given is not None:
        if len(given) < _SHORTEST:
            hint = f"Set at least {_SHORTEST} characters that nobody can guess, or unset it."
            raise UsageError(error("plan-key-invalid", "PROVISIONER_PLAN_KEY is too short to be a key", hint=hint))
        return given.encode(errors="surrogateescape")
    path = folder / "plan.key"
    with suppress(OSError):
        return _read(path) or _make(path)
    return None


def sign(content: bytes, key: bytes) -> str:
    """Returns the signature as 64 hex digits."""
    return hmac.new(key, content, hashlib.sha256).hexdigest()


def is_signed(content: bytes, signature: str, key: bytes | None) -> bool:
    return key is not None and hmac.compare_digest(sign(content, key).encode(), signature.encode())


def _read(path: Path) -> bytes | None:
    """Returns the key; None if there is none, or if it is not secret because others may read it or own it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:  # noqa: PTH123 - pathlib cannot open a descriptor
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_mode & _OTHERS or found.st_uid != os.geteuid():
            raise PermissionError
        key = file.read(_LONGEST)
    if len(key) < _SHORTEST:
        raise PermissionError
    return key


def _make(path: Path) -> bytes:
    """Creates the key. If another process creates it at the same time, the key that exists counts."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        place_file(Disk(), path, secrets.token_hex(_KEY_BYTES).encode())
    if (key := _read(path)) is None:
        raise FileNotFoundError
    return key
