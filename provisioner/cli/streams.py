"""Writes text to stdout and stderr, whatever their encoding, and tells when that fails.

What the encoding of a stream lacks becomes an escape such as backslash and u4e2d, so that a result is never lost for its letters.
"""

from __future__ import annotations

import codecs
import os
from contextlib import suppress
from io import TextIOWrapper
from typing import TextIO

_ESCAPING = "provisioner.escape"
"""The name of our error handler: like `backslashreplace`, with the escapes that all other output has."""
_BASIC_PLANE = 0xFFFF


def accept_all_text(*streams: TextIO) -> None:
    """Makes these streams escape what their encoding lacks, for writers that do not use `write`, such as click."""
    for stream in streams:
        with suppress(OSError, ValueError):  # closed, or what was written before cannot be flushed
            _accept_all_text(stream)


def write(stream: TextIO, text: str) -> OSError | ValueError | None:
    """Writes and flushes.

    Returns the first failure; from then on the stream discards its output, and the run goes on.
    """
    try:
        _accept_all_text(stream)
        stream.write(text)
        stream.flush()
    except OSError as failure:
        redirect_to_null(stream)
        return failure
    except ValueError as failure:  # closed
        return failure
    return None


def redirect_to_null(stream: TextIO) -> None:
    """Discards what is written from now on, also by the interpreter's flush at exit, which would fail again."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def is_utf8(stream: TextIO) -> bool:
    """Returns whether the stream writes UTF-8. One without an encoding keeps text as it is."""
    return codecs.lookup(stream.encoding or "utf-8").name == "utf-8"


def _accept_all_text(stream: TextIO) -> None:
    if isinstance(stream, TextIOWrapper) and stream.errors != _ESCAPING:
        stream.reconfigure(errors=_ESCAPING)


def _escape(failure: UnicodeError) -> tuple[str, int]:
    if not isinstance(failure, UnicodeEncodeError):
        raise failure
    return "".join(map(_escaped, failure.object[failure.start : failure.end])), failure.end


def _escaped(character: str) -> str:
    point = ord(character)
    return f"\\u{point:04x}" if point <= _BASIC_PLANE else f"\\U{point:08x}"


codecs.register_error(_ESCAPING, _escape)
