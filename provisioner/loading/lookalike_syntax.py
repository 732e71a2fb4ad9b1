"""Finds characters that look like a part of YAML's syntax and are none, and the markers of an unfinished merge.

Chinese keyboards give a full-width colon, word processors curly quotes, web pages non-breaking spaces. YAML reads all of
them as ordinary text, so its own message complains about another place. Pure: it knows text and offsets.
"""

from __future__ import annotations

import re
from typing import Final

from provisioner.loading.unplaced_error import UnplacedError
from provisioner.model.lookalikes import character_name

_SPACES: Final = "\u00a0\u2000-\u200a\u202f\u205f\u3000"
_COLONS: Final = "\ufe30\ufe55\uff1a"
_DASHES: Final = "\u2012-\u2015\u2022\u2212\uff0d"
_DOUBLE: Final = "\u201c-\u201f\uff02"
_SINGLE: Final = "\u2018-\u201b\uff07"
_OPENING: Final = "\u3010\uff3b\uff5b"
_MEANT: Final = tuple(
    (re.compile(f"[{characters}]"), meant)
    for characters, meant in (
        (_COLONS, ":"),
        ("\u3001\uff0c", ","),
        ("\u3010\uff3b", "["),
        ("\u3011\uff3d", "]"),
        ("\uff5b", "{"),
        ("\uff5d", "}"),
        (_DASHES, "-"),
        (_DOUBLE, '"'),
        (_SINGLE, "'"),
        ("\uff03", "#"),
    )
)
"""What is meant by the characters that are not spaces."""
_STRUCTURAL: Final = re.compile(
    rf"^[ ]*(?P<indent>[{_SPACES}])"
    rf"|^[ ]*(?:-[ ]+)?[A-Za-z_][\w.-]*[ ]*(?P<colon>[{_COLONS}])"
    rf"|:(?P<space>[{_SPACES}])"
    rf"|^[ ]*(?:- )?(?P<mark>[{_DASHES}\uff03])"
    rf"|(?:: |- |^)[ ]*(?P<open>[{_OPENING}{_DOUBLE}{_SINGLE}])"
    rf"|[\[{{{_OPENING}].*?(?P<flow>[\u3001\uff0c\u3011\uff3d\uff5d])"
)
"""A look-alike where only a part of the syntax can be meant, in a line outside quotes."""
_IN_KEY: Final = re.compile(
    rf"^[{_SPACES}{_OPENING}{_DOUBLE}{_SINGLE}{_DASHES}\uff03]|[{_COLONS}]|(?<=:)[{_SPACES}]|[{_SPACES}{_DOUBLE}{_SINGLE}]$"
)
_LONGEST_LINE: Final = 2000
"""How much of a line is searched, and `_MOST_LINES` of how many: a hostile file may be one line of millions of brackets."""
_MOST_LINES: Final = 1000
_PROPER_KEY: Final = re.compile(r":(?: |$)")
_QUOTED_OR_COMMENT: Final = re.compile(r""""(?:\\.|[^"\\])*"|'(?:''|[^'])*'|(?:^|(?<=\s))#.*""")
_CURLY_QUOTED: Final = re.compile(
    rf"[{_DOUBLE}][^{_DOUBLE}]*[{_DOUBLE}]|[{_SINGLE}][^{_SINGLE}]*[{_SINGLE}]", re.DOTALL
)
_MARKER: Final = re.compile(r"^(?:<{7}|>{7})(?= |\r?$).*", re.MULTILINE)


def lookalike_error(character: str) -> UnplacedError:
    """Returns the error for a character that looks like a part of the syntax."""
    meant = next((meant for characters, meant in _MEANT if characters.match(character)), " ")
    wanted, seen = ("an ordinary space", "a space") if meant == " " else (f"the ordinary {meant}", meant)
    return UnplacedError(
        "lookalike-character",
        f"{character_name(character)} looks like {seen}, and YAML reads it as a part of a text",
        hint=f"write {wanted} in its place{' and a space after it' if meant == ':' else ''}",
    )


def find_in_key(key: str) -> int | None:
    """Returns the place of the first look-alike in a key without quotes."""
    found = None if key.isascii() else _IN_KEY.search(key)
    return found.start() if found else None


def is_curly_quoted(text: str) -> bool:
    """Returns whether a whole value stands in quotes that YAML does not know."""
    return not text.isascii() and _CURLY_QUOTED.fullmatch(text) is not None


def find_near(text: str, offset: int) -> int | None:
    """Returns the offset of the look-alike that probably made the parser stop at `offset`.

    It stands on that line or above it, below the last key that the parser could read.
    """
    if text.isascii():
        return None
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    line = _without_quotes(text[start : end if end >= 0 else len(text)])
    for _ in range(_MOST_LINES):
        if (found := _STRUCTURAL.search(line)) is not None:
            return start + found.start(str(found.lastgroup))
        if start == 0 or (start + len(line) < offset and _PROPER_KEY.search(line)):
            return None
        end, start = start - 1, text.rfind("\n", 0, start - 1) + 1
        line = _without_quotes(text[start:end])
    return None


def hint_for_text(text: str) -> str:
    """Returns what to write where a text stands in place of a map or a list because of a look-alike, or nothing."""
    if text.isascii() or (found := _STRUCTURAL.search(text[:_LONGEST_LINE])) is None:
        return ""
    return lookalike_error(found[str(found.lastgroup)]).hint


def find_merge_marker(text: str) -> re.Match[str] | None:
    """Returns the first marker that an unfinished merge has left in a file."""
    if "<<<<<<<" not in text and ">>>>>>>" not in text:
        return None
    return _MARKER.search(text)


def merge_error() -> UnplacedError:
    return UnplacedError(
        "merge-conflict",
        "this is the marker of a merge that was not finished",
        hint="keep one of the two versions, and delete the lines that begin with <<<<<<<, ======= and >>>>>>>",
    )


def _without_quotes(line: str) -> str:
    """Returns the beginning of a line with its quoted texts and its comment blanked out, at the same places."""
    return _QUOTED_OR_COMMENT.sub(lambda found: " " * len(found[0]), line[:_LONGEST_LINE])
