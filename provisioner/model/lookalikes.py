"""Characters that look like others or are invisible, which make different texts read the same. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_BEYOND_ASCII = re.compile(r"[^!-~]")
_IDEOGRAPHIC_SPACE = "\u3000"
_INVISIBLE = frozenset(
    chr(point)
    for points in (
        (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180F, 0x2800, 0x3164, 0xFFA0),
        range(0x180B, 0x180E),
        range(0xFE00, 0xFE10),
        range(0xE0100, 0xE01F0),
    )
    for point in points
)
"""Invisible characters that Unicode calls printable: joiners, fillers, variation selectors, the empty Braille cell."""
_CONTROLS = {"\t": "TAB", "\n": "LINE FEED", "\r": "CARRIAGE RETURN", "\x7f": "DELETE"}


def describe_non_ascii(text: str) -> str:
    """Returns a clause that names the first character that is not printable ASCII, with its place, number and name;
    empty if there is none. A character that looks right or is invisible can't be found by eye.
    """
    for place, character in enumerate(text, start=1):
        if not " " < character <= "~":
            return f"; character {place} of it is {character_name(character)}"
    return ""


def character_name(character: str) -> str:
    """Returns the code point and the Unicode name of a character."""
    name = unicodedata.name(character, _CONTROLS.get(character, "a character without a name"))
    return f"U+{ord(character):04X} ({name})"


def may_be_confusable(name: str) -> bool:
    """Returns whether a server's name may be confused with a different, wanted name. Wanted names are ASCII without
    spaces, so only a name that is not can be.
    """
    return _BEYOND_ASCII.search(name) is not None


def is_invisible(character: str) -> bool:
    """Returns whether a character is invisible, a space outside ASCII, or a control for the text around it."""
    return not character.isprintable() or character in _INVISIBLE


def is_wide(character: str) -> bool:
    """Returns whether a character is wide, as Chinese, Japanese and Korean ones are, so that it looks like no ASCII
    letter. Full-width letters do look like ASCII and are not wide in this sense.
    """
    return not is_invisible(character) and unicodedata.east_asian_width(character) in {"W", "H"}


def is_cjk_space(text: str, place: int) -> bool:
    """Returns whether the character at `place` is an ideographic space beside a wide character, as in Chinese text."""
    if text[place] != _IDEOGRAPHIC_SPACE:
        return False
    neighbours = text[max(place - 1, 0) : place + 2].replace(_IDEOGRAPHIC_SPACE, "")
    return any(map(is_wide, neighbours))


def look_alike(one: str, other: str) -> bool:
    """Returns whether two different texts may read the same: they differ only in surrounding spaces, combining marks or
    compatibility forms, or every pair of differing characters has one beyond ASCII and no ideograph.
    """
    if one == other:
        return False
    if one.strip() == other.strip():
        return True
    if one.isascii() and other.isascii():
        return False
    first, second = _skeleton(one), _skeleton(other)
    if first == second:
        return True
    pairs = [pair for pair in zip(first, second, strict=False) if pair[0] != pair[1]]
    return len(first) == len(second) and all(map(_is_deceptive, pairs))


def are_forms_of_one(one: str, other: str) -> bool:
    """Returns whether a cloud may spell one of two names as the other: in another letter case, with surrounding blanks,
    with invisible characters, or with another separator in the same place. `web-2` is not a form of `web`, nor `web-11`
    of `web-1-1`, because other servers have such names.
    """
    return shared_spelling(one) == shared_spelling(other)


def quote_distinctly(one: object, other: object) -> tuple[str, str]:
    """Quotes two values for a sentence, with characters beyond ASCII escaped if they look alike."""
    return (ascii(one), ascii(other)) if look_alike(str(one), str(other)) else (repr(one), repr(other))


def shared_spelling(name: str) -> str:
    """Returns the spelling that all forms of one name share. That of a beginning of the name is a beginning of it."""
    seen = "".join(each for each in name.strip() if not is_invisible(each)).strip()
    return re.sub(r"[\W_]", "-", seen).casefold()


def _is_deceptive(pair: Iterable[str]) -> bool:
    one, other = pair
    return not (one + other).isascii() and not (is_wide(one) or is_wide(other))


def _skeleton(text: str) -> str:
    """Returns the text without compatibility forms (full width, ligatures), marks and invisible characters."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(each for each in decomposed if not unicodedata.combining(each) and not is_invisible(each)).strip()
