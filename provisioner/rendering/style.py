"""How text may look on a terminal: colour or none, the width, and the escaping that makes foreign text harmless.

A bulk of text is written as plain ANSI, because rich spends more on 10,000 servers than planning them does. This module
does not know what is shown, and colour never carries a meaning that the words do not carry too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

ELLIPSIS = "…"
_SHORT_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_BASIC_PLANE = 0xFFFF
_ABOVE_ASCII = re.compile(r"[\x7f-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Style:
    """`width` is in terminal cells. Without `color` every helper returns its text as it came."""

    color: bool
    width: int = 100

    def bold(self, text: str) -> str:
        return self._painted("1", text)

    def dim(self, text: str) -> str:
        return self._painted("2", text)

    def red(self, text: str) -> str:
        return self._painted("31", text)

    def green(self, text: str) -> str:
        return self._painted("32", text)

    def yellow(self, text: str) -> str:
        return self._painted("33", text)

    def blue(self, text: str) -> str:
        return self._painted("34", text)

    def cyan(self, text: str) -> str:
        return self._painted("36", text)

    def _painted(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and text else text


def choose_color(*, environ: Mapping[str, str], is_terminal: bool, flag: bool | None = None) -> bool:
    """The first that speaks wins: the flag, NO_COLOR, FORCE_COLOR or CLICOLOR_FORCE, CLICOLOR, TERM, the terminal.

    Empty variables are silent (no-color.org), and so is a forcing `0` (bixense.com/clicolors).
    """
    if flag is not None:
        return flag
    if environ.get("NO_COLOR"):
        return False
    if any(environ.get(name, "0") not in {"", "0"} for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    if environ.get("CLICOLOR") == "0" or environ.get("TERM") == "dumb":
        return False
    return is_terminal


def escape(text: str) -> str:
    r"""`text` on one line, with every character that could steer a terminal or hide from the eye written as `\u202e`.

    Those are the controls (C0, C1, DEL), formats (bidi, zero width), lone surrogates, line and paragraph separators, and
    what Unicode has not assigned. Spaces of every width stay: Chinese text needs its own.
    """
    return text if text.isprintable() else "".join(map(_visible, text))


def escape_json(text: str) -> str:
    r"""JSON text that means the same, with whatever `escape` would not let through written as JSON's own `\u202e`.

    JSON has escaped C0 itself; its line breaks stand between values and stay.
    """
    return text if text.isascii() and "\x7f" not in text else _ABOVE_ASCII.sub(_visible_in_json, text)


def _visible_in_json(found: re.Match[str]) -> str:
    character = found.group()
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _visible(character: str) -> str:
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    point = ord(character)
    return f"\\u{point:04x}" if point <= _BASIC_PLANE else f"\\U{point:08x}"


def cells(text: str) -> int:
    """How many terminal cells escaped text takes: wide characters two, combining ones none."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def _cells_of(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def cut(text: str, width: int) -> str:
    """`text` in at most `width` cells; what was cut away is told by an ellipsis."""
    if cells(text) <= width:
        return text
    room = max(width - 1, 0)
    kept = 0
    for character in text:
        room -= _cells_of(character)
        if room < 0:
            break
        kept += 1
    return text[:kept] + ELLIPSIS


def pad(text: str, width: int) -> str:
    return text + " " * (width - cells(text))


def wrap(text: str, width: int) -> Iterator[str]:
    """Escaped lines of at most `width` cells. Line breaks and indentation of `text` stay; a longer word stands alone."""
    for paragraph in text.split("\n"):
        indent = " " * (len(paragraph) - len(paragraph.lstrip(" ")))
        line = ""
        for word in map(escape, filter(None, paragraph.split(" "))):
            if line and cells(indent) + cells(line) + 1 + cells(word) > width:
                yield indent + line
                line = word
            else:
                line = f"{line} {word}" if line else word
        yield indent + line
