"""Reads key files that the vendor's other tools have written, and refuses those that other users can read.

It knows no file format and writes nothing.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final, NoReturn

from provisioner.model.diagnostic import UsageError, error

_MAX_SIZE: Final = 1024 * 1024


def read_private(path: Path) -> bytes | None:
    """Return the file's content, or None when there is no such file.

    Raises UsageError: `credentials-exposed` when other users can read it, `credentials-invalid` when it is unreadable
    or too large.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                summary = f"{path} holds access keys and other users can read it"
                raise UsageError(error("credentials-exposed", summary, hint=f"run: chmod 600 {path}"))
            content = file.read(_MAX_SIZE + 1)
    except FileNotFoundError:
        return None
    except OSError as problem:
        refuse(f"{path} cannot be read: {problem.strerror}", "make it a file that you can read, or remove it")
    if len(content) > _MAX_SIZE:
        refuse(
            f"{path} is larger than any file of keys", "make it the file that the vendor's tools wrote, or remove it"
        )
    return content


def is_sendable(value: str | None) -> bool:
    """Whether `value` can be sent in a header: a space or a line break in a key or an id would break the request."""
    return value is None or all("!" <= character <= "~" for character in value)


def refuse(summary: str, hint: str) -> NoReturn:
    """Raises UsageError `credentials-invalid`."""
    raise UsageError(error("credentials-invalid", summary, hint=hint))
