"""Reads the files of a stack: only regular files of limited size, and only inside the stack after following all links.

Spec repositories are untrusted: a pipe must not hang the run, and a link must not read /etc. No other module of this
package reads files. This one knows paths and text, not their meaning.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeAlias

from provisioner.loading.document import display_path
from provisioner.loading.unplaced_error import UnplacedError

SPEC_LIMIT = 16 * 1024 * 1024
"""Most bytes of one spec file."""
STACK_LIMIT = 32 * 1024 * 1024
"""Most bytes of all files of a stack together: enough for 20,000 servers of fifty lines."""
TEMPLATE_LIMIT = 1024 * 1024
"""Most bytes of one template file."""
StatusCheck: TypeAlias = Callable[[os.stat_result], None]
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


def read_text(
    path: Path,
    *,
    limit: int = SPEC_LIMIT,
    allowance: ByteAllowance | None = None,
    check: StatusCheck = lambda _status: None,
) -> str:
    """Returns the text of a file. `check` is called with the status of the opened file, and may raise UnplacedError.

    Raises UnplacedError unless it is a regular UTF-8 file of at most `limit` bytes that fits into `allowance`.
    """
    try:
        content = _read(path, limit, check)
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


def read_trusted_text(path: Path, *, owners: Collection[int] | None = None) -> str | None:
    """Returns the text of a file that only `owners` (by default this user and root) can have written, or None if there is
    no such file.

    Raises UnplacedError `configuration-untrusted` for a file, or a folder of it, that others own or may write, and the
    errors of `read_text`.
    """
    trusted = {os.geteuid(), 0} if owners is None else set(owners)
    try:
        os.lstat(path)
        checked = (path.parent, path)
        for one in checked:
            _check_trusted(one, os.stat(one), trusted)  # noqa: PTH116 - follows links, as opening does
    except (FileNotFoundError, NotADirectoryError):
        if not os.path.islink(path):  # noqa: PTH114 - the path may be anything
            return None
    except OSError:
        pass  # reading it says why it cannot be read
    return read_text(path, limit=TEMPLATE_LIMIT, check=lambda status: _check_trusted(path, status, trusted))


def _check_trusted(path: Path, status: os.stat_result, owners: Collection[int]) -> None:
    if status.st_uid not in owners:
        summary = f"{display_path(path)} belongs to another user (id {status.st_uid}), so it is not believed"
        raise UnplacedError("configuration-untrusted", summary, hint="make it yours or root's, or remove it")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        summary = f"{display_path(path)} can be written by other users, so it is not believed"
        raise UnplacedError(
            "configuration-untrusted",
            summary,
            hint=f"check what stands in it, then run: chmod go-w {shlex.quote(str(path))}",
        )


def _read(path: Path, limit: int, check: StatusCheck) -> bytes:
    # Without O_NONBLOCK, opening a pipe that nobody writes to would block for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        status = os.fstat(descriptor)
        check(status)
        if not stat.S_ISREG(status.st_mode):
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
