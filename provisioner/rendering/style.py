"""Styles text for a terminal: colour or none, the width, and the escaping that makes foreign text harmless.

Text is written as plain ANSI, because rich spends more time on 10,000 servers than planning them does. This module does
not know what is shown. Colour never has a meaning that the words lack.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from provisioner.model.lookalikes import is_cjk_space, is_invisible, is_wide

ELLIPSIS = "…"
_SHORT_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_BASIC_PLANE = 0xFFFF
_ABOVE_ASCII = re.compile(r"[^\x00-\x7e]")
_WORD = r"(?P<escaped>\\(?:u[0-9a-f]{4}|U[0-9a-f]{8}|[nrt]))|(?:[^\W_]|[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f])+|[\s\S]"
"""Matches an escape sequence, a word with its combining marks, or any other character."""
_ASCII_LETTER = re.compile(r"[A-Za-z]")
_UNBREAKABLE = re.compile(r"(?:[^ `]|`[^`]{0,200}`|`)+")


@dataclass(frozen=True, slots=True)
class Style:
    """How to style text. `width`, at which prose wraps, is in cells; without `color` every method returns its text
    unchanged. `complete` returns a message with its commands, in backquotes, as they can be pasted.
    """

    color: bool
    width: int = 100
    columns: int | None = None
    """The width of the terminal. None for a file or a pipe, where nothing has to fit and nothing is shortened."""
    complete: Callable[[str], str] = field(default=str, compare=False)

    def fits(self, lines: Iterable[str]) -> bool:
        """Returns whether no line is wider than the terminal. They must not be painted yet."""
        return self.columns is None or all(cells(line) <= self.columns for line in lines)

    def bold(self, text: str) -> str:
        return self._paint("1", text)

    def dim(self, text: str) -> str:
        return self._paint("2", text)

    def red(self, text: str) -> str:
        return self._paint("31", text)

    def green(self, text: str) -> str:
        return self._paint("32", text)

    def yellow(self, text: str) -> str:
        return self._paint("33", text)

    def blue(self, text: str) -> str:
        return self._paint("34", text)

    def cyan(self, text: str) -> str:
        return self._paint("36", text)

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and text else text


@cache
def _words() -> re.Pattern[str]:
    """Compiles the pattern on first use, when a text is not plain ASCII: its ranges of marks take 5 ms."""
    return re.compile(_WORD)


def choose_color(*, environ: Mapping[str, str], is_terminal: bool, flag: bool | None = None) -> bool:
    """Returns whether to use colour.

    The first of these that is set decides: the flag, NO_COLOR, FORCE_COLOR or CLICOLOR_FORCE, CLICOLOR, TERM, the
    terminal. An empty variable counts as not set (no-color.org), and so does a forcing one that is `0`
    (bixense.com/clicolors).
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
    r"""Returns `text` on one line, with harmful characters as escapes such as `\u202e`.

    They could control a terminal, be invisible or pass for another character. Those are the controls (C0, C1, DEL),
    formats (bidi, zero width), lone surrogates, line and paragraph separators, unassigned code points, every space but
    ASCII's, printable characters that are invisible, and the letters and marks beyond ASCII in a word that has ASCII
    letters. Chinese, Japanese and Korean text stays, with its own space.
    """
    return text if text.isascii() and text.isprintable() else _words().sub(_visible_word, text)


def escape_all(text: str) -> str:
    r"""Returns `text` with escapes for all but printable ASCII, for two values that would look the same otherwise."""
    return text if text.isascii() and text.isprintable() else "".join(map(_visible, text))


def escape_above_ascii(text: str) -> str:
    r"""Returns `text` with escapes for all that is not ASCII, with its line breaks."""
    return text if text.isascii() else _ABOVE_ASCII.sub(lambda found: _visible(found.group()), text)


def escape_json(text: str, *, ascii_only: bool = False) -> str:
    r"""Returns equivalent JSON text, with JSON's own escapes for all but ASCII, Chinese, Japanese and Korean text.

    JSON escapes C0 itself. Its line breaks are between values and stay. With `ascii_only` all but ASCII is escaped.
    """
    if text.isascii() and "\x7f" not in text:
        return text
    return _ABOVE_ASCII.sub(_json_escape if ascii_only else _visible_in_json, text)


def _visible_in_json(found: re.Match[str]) -> str:
    character = found.group()
    return character if is_wide(character) or is_cjk_space(found.string, found.start()) else _json_escape(found)


def _json_escape(found: re.Match[str]) -> str:
    character = found.group()
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
    """Returns whether the character is shown as it is. `mixed`: its word has ASCII letters."""
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
    """Returns how many terminal cells escaped text takes: two for wide characters, none for combining ones."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def _cells_of(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def cut(text: str, width: int) -> str:
    """Returns `text` in at most `width` cells. An ellipsis stands for what is cut."""
    return text if cells(text) <= width else beginning(text, width - 1) + ELLIPSIS


def beginning(text: str, width: int) -> str:
    """Returns as much of `text` as `width` cells have room for."""
    room = max(width, 0)
    kept = 0
    for character in text:
        room -= _cells_of(character)
        if room < 0:
            break
        kept += 1
    return text[:kept]


def pad(text: str, width: int) -> str:
    return text + " " * (width - cells(text))


def wrap(text: str, width: int) -> Iterator[str]:
    """Yields escaped lines of at most `width` cells.

    `text` keeps its line breaks and indentation; a longer word gets its own line, and so does a longer command between
    backquotes, because a broken one cannot be pasted.
    """
    for paragraph in text.split("\n"):
        indent = " " * (len(paragraph) - len(paragraph.lstrip(" ")))
        line = ""
        for word in map(escape, _UNBREAKABLE.findall(paragraph)):
            if line and cells(indent) + cells(line) + 1 + cells(word) > width:
                yield indent + line
                line = word
            else:
                line = f"{line} {word}" if line else word
        yield indent + line
