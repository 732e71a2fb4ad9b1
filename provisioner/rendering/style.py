"""How text may look on a terminal: colour or none, the width, and the escaping that makes foreign text harmless.

A bulk of text is written as plain ANSI, because rich spends more on 10,000 servers than planning them does. This module
does not know what is shown, and colour never carries a meaning that the words do not carry too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from provisioner.model.lookalikes import is_cjk_space, is_invisible, is_wide

ELLIPSIS = "…"
_SHORT_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_BASIC_PLANE = 0xFFFF
_ABOVE_ASCII = re.compile(r"[^\x00-\x7e]")
_WORD = r"(?P<escaped>\\(?:u[0-9a-f]{4}|U[0-9a-f]{8}|[nrt]))|(?:[^\W_]|[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f])+|[\s\S]"
"""What is escaped already, a word with its marks, or any other character."""
_ASCII_LETTER = re.compile(r"[A-Za-z]")


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


@cache
def _words() -> re.Pattern[str]:
    """Compiled when something is not plain ASCII: its ranges of marks take 5 ms."""
    return re.compile(_WORD)


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
    r"""`text` on one line, with every character that could steer a terminal, hide from the eye or pass for another one written as
    `\u202e`.

    Those are the controls (C0, C1, DEL), formats (bidi, zero width), lone surrogates, line and paragraph separators, what Unicode
    has not assigned, every space but ASCII's, what is printed and not seen, and the letters and marks beyond ASCII in a word that
    has letters of ASCII. Chinese, Japanese and Korean text stays, with its own space.
    """
    return text if text.isascii() and text.isprintable() else _words().sub(_visible_word, text)


def escape_all(text: str) -> str:
    r"""Everything beyond printable ASCII as `\u202e`: for two values that would read the same otherwise."""
    return text if text.isascii() and text.isprintable() else "".join(map(_visible, text))


def escape_json(text: str) -> str:
    r"""JSON text that means the same, with everything beyond ASCII but Chinese, Japanese and Korean text as JSON's own `\u202e`.

    JSON has escaped C0 itself; its line breaks stand between values and stay.
    """
    return text if text.isascii() and "\x7f" not in text else _ABOVE_ASCII.sub(_visible_in_json, text)


def _visible_in_json(found: re.Match[str]) -> str:
    character = found.group()
    if is_wide(character) or is_cjk_space(found.string, found.start()):
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _visible_word(found: re.Match[str]) -> str:
    word = found.group()
    if found["escaped"]:
        return word
    mixed = _ASCII_LETTER.search(word) is not None
    return "".join(
        each if _is_plain(each, found.string, found.start() + place, mixed=mixed) else _visible(each)
        for place, each in enumerate(word)
    )


def _is_plain(character: str, text: str, place: int, *, mixed: bool) -> bool:
    """Whether it is shown as it is. `mixed`: its word has letters of ASCII."""
    if character.isascii():
        return character.isprintable()
    if is_cjk_space(text, place):
        return True
    return not is_invisible(character) and (is_wide(character) or not mixed)


def _visible(character: str) -> str:
    if character.isascii() and character.isprintable():
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
