"""Reads the files of a stack: only regular files of limited size, and only inside the stack after following all links.

Spec repositories are untrusted: a pipe must not hang the run, and a link must not read /etc. No other module of this
package reads files. This one knows paths and text, not their meaning.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from provisioner.loading.document import display_path
from provisioner.loading.unplaced_error import UnplacedError

SPEC_LIMIT = 16 * 1024 * 1024
"""Most bytes of one spec file."""
STACK_LIMIT = 32 * 1024 * 1024
"""Most bytes of all files of a stack together: enough for 20,000 servers of fifty lines."""
TEMPLATE_LIMIT = 1024 * 1024
"""Most bytes of one template file."""
_BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


class ByteAllowance:
    """How many bytes of STACK_LIMIT remain for the files that are still to be read."""

    def __init__(self) -> None:
        self.remaining = STACK_LIMIT
        self.exceeded = False

    def take(self, path: Path, size: int) -> None:
        """Deducts the size of a file. Raises UnplacedError `unreadable-file` when no more bytes remain."""
        self.remaining -= size
        if self.remaining < 0:
            self.exceeded = True
            summary = (
                f"with {display_path(path)} the files of this stack have more than {STACK_LIMIT // 1024 // 1024} MiB"
            )
            raise UnplacedError("unreadable-file", summary, hint="split the stack, or move what is no spec out of it")


def read_text(path: Path, *, limit: int = SPEC_LIMIT, allowance: ByteAllowance | None = None) -> str:
    """Returns the text of a file.

    Raises UnplacedError unless it is a regular UTF-8 file of at most `limit` bytes that fits into `allowance`.
    """
    try:
        content = _read(path, limit)
        if allowance is not None:
            allowance.take(path, len(content))
        text = content.decode()
    except UnicodeDecodeError as reason:
        raise UnplacedError(
            "not-utf8",
            f"{display_path(path)} is not UTF-8 text: byte {reason.start + 1} fits no character",
            hint="save it as UTF-8",
        ) from None
    except OSError as reason:
        raise UnplacedError(
            "unreadable-file",
            f"{display_path(path)} cannot be read: {reason.strerror}",
            hint="check that it exists and may be read",
        ) from None
    if text.startswith(_BYTE_ORDER_MARK):
        raise UnplacedError(
            "not-utf8",
            f"{display_path(path)} begins with a byte order mark",
            hint="save it as UTF-8 without a byte order mark",
        )
    return text


def _read(path: Path, limit: int) -> bytes:
    # Without O_NONBLOCK, opening a pipe that nobody writes to would block for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnplacedError(
                "not-a-regular-file",
                f"{display_path(path)} is not a regular file",
                hint="remove it or put a file in its place",
            )
        content = file.read(limit + 1)
    if len(content) > limit:
        raise UnplacedError(
            "unreadable-file",
            f"{display_path(path)} is larger than {limit // 1024 // 1024} MiB",
            hint="split it into several files",
        )
    return content


def resolve_inside(directory: Path, path: Path) -> Path:
    """Returns `path` with all links followed. Raises UnplacedError when it leads outside `directory` or does not exist."""
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        raise UnplacedError(
            "unreadable-file", f"{display_path(path)} does not exist or leads nowhere", hint="check the path"
        ) from None
    if not real.is_relative_to(directory.resolve()):
        raise UnplacedError(
            "outside-stack",
            f"{display_path(path)} leads out of the stack's directory",
            hint="move what it names into the stack",
        )
    return real


def resolve_relative(directory: Path, relative: str) -> Path:
    """Returns the file that a spec names by its path inside the stack. Raises UnplacedError for any other path."""
    if not relative or "\0" in relative or Path(relative).is_absolute() or ".." in Path(relative).parts:
        raise UnplacedError(
            "outside-stack", "this is no path inside the stack", hint="write it relative to stack.yaml and without .."
        )
    return resolve_inside(directory, directory / relative)
