"""Files of keys that the vendor's other tools have written: read whole, and refused when other users can read them too.

Knows no format; writes nothing.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final, NoReturn

from provisioner.model.diagnostic import UsageError, error

_MAX_SIZE: Final = 1024 * 1024


def read_private(path: Path) -> bytes | None:
    """None when there is no such file. Raises UsageError."""
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
    """Keys and ids travel in headers, where a space or a line break would break the request."""
    return value is None or all("!" <= character <= "~" for character in value)


def refuse(summary: str, hint: str) -> NoReturn:
    raise UsageError(error("credentials-invalid", summary, hint=hint))
