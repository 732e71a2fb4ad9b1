"""Keeps tokens between runs, so that a pipeline of many commands signs in once.

Each token has its own file, readable by its owner only.

The files are in the user's cache folder and never beside the state. A file that cannot be trusted, read or written
counts as missing: the cache may save a request and must never make a run fail.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from provisioner.cloud.private_file import is_sendable
from provisioner.cloud.tokens import Token
from provisioner.model.canonical import parse_json
from provisioner.model.secret import Secret

_FORMAT: Final = 1
_MAX_SIZE: Final = 256 * 1024
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def cache_folder(environ: Mapping[str, str], home: Path) -> Path:
    """Return the folder for tokens, following the XDG base directory specification, which ignores relative paths."""
    given = Path(environ.get("XDG_CACHE_HOME") or "")
    return (given if given.is_absolute() else home / ".cache") / "provisioner" / "tokens"


class TokenFileCache:
    """A token cache with one file for each token in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, name: str) -> Token | None:
        """Return the cached token.

        None when the file is missing, damaged, owned by another user or accessible to others.
        """
        try:
            content = parse_json(_read_own(self._path(name)))
        except (OSError, ValueError):
            return None
        match content:
            case {
                "format": int(version),
                "name": str(hashed),
                "token": str(value),
                "ends_at": int() | float() as ends_at,
                "renew_at": int() | float() as renew_at,
                "grant": Mapping() as grant,
            } if (version, hashed) == (_FORMAT, _hash(name)) and value and is_sendable(value):
                return Token(Secret(value), ends_at, renew_at, grant)
            case _:
                return None

    def save(self, name: str, token: Token) -> None:
        document = {
            "format": _FORMAT,
            "name": _hash(name),
            "token": token.value.reveal(),
            "ends_at": token.ends_at,
            "renew_at": token.renew_at,
            "grant": token.grant,
        }
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _is_own(self._folder.stat()):
                _replace(self._path(name), json.dumps(document).encode())

    def forget(self, name: str) -> None:
        with suppress(OSError):
            self._path(name).unlink()

    def _path(self, name: str) -> Path:
        return self._folder / f"{_hash(name)}.json"


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _read_own(path: Path) -> bytes:
    """Read a file of our own.

    Raises OSError, also for a symbolic link: it could lead to a token that somebody else has put there.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or not _is_own(status) or status.st_size > _MAX_SIZE:
            raise PermissionError(path)
        return file.read()


def _is_own(status: os.stat_result) -> bool:
    """Whether we own the file and nobody else may access it."""
    return status.st_uid == os.getuid() and not status.st_mode & _OTHERS


def _replace(path: Path, content: bytes) -> None:
    """Write the file atomically. The temporary file has mode 0600 from the start."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".token-")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        temporary.replace(path)
    except OSError:
        temporary.unlink()
        raise
