"""Which characters look like others, or like nothing, so that two texts which differ read the same. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_ODD = re.compile(r"[^!-~]")
_IDEOGRAPHIC_SPACE = "\u3000"
_UNSEEN = frozenset(
    chr(point)
    for points in (
        (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180F, 0x2800, 0x3164, 0xFFA0),
        range(0x180B, 0x180E),
        range(0xFE00, 0xFE10),
        range(0xE0100, 0xE01F0),
    )
    for point in points
)
"""Printable by Unicode's own word, and yet nothing is seen of them: joiners, fillers, variation selectors, the empty Braille cell."""
_CONTROLS = {"\t": "TAB", "\n": "LINE FEED", "\r": "CARRIAGE RETURN", "\x7f": "DELETE"}


def describe_non_ascii(text: str) -> str:
    """For the end of a sentence about a text of printable ASCII: the first character that is none, by its place, number and name. What
    looks right, or like nothing, cannot be found by eye.
    """
    for place, character in enumerate(text, start=1):
        if not " " < character <= "~":
            return f"; character {place} of it is {character_name(character)}"
    return ""


def character_name(character: str) -> str:
    name = unicodedata.name(character, _CONTROLS.get(character, "a character without a name"))
    return f"U+{ord(character):04X} ({name})"


def may_be_confusable(name: str) -> bool:
    """Whether a server's name may be taken for a wanted one and be another: a wanted name is ASCII without spaces, so only one that is
    not can be.
    """
    return _ODD.search(name) is not None


def is_invisible(character: str) -> bool:
    """Nothing, or a space that is none of ASCII, is seen of it; or it steers what stands around it."""
    return not character.isprintable() or character in _UNSEEN


def is_wide(character: str) -> bool:
    """Of Chinese, Japanese or Korean text: it looks like no letter of ASCII. Full-width letters do, and are not of these."""
    return not is_invisible(character) and unicodedata.east_asian_width(character) in {"W", "H"}


def is_cjk_space(text: str, place: int) -> bool:
    """The space that Chinese text sets between its own characters."""
    if text[place] != _IDEOGRAPHIC_SPACE:
        return False
    around = text[max(place - 1, 0) : place + 2].replace(_IDEOGRAPHIC_SPACE, "")
    return any(map(is_wide, around))


def look_alike(one: str, other: str) -> bool:
    """Whether two texts that differ may read the same: they do but for spaces around them, marks and forms, or each place where
    they differ has a character beyond ASCII that is no ideograph on both sides.
    """
    if one == other:
        return False
    if one.strip() == other.strip():
        return True
    if one.isascii() and other.isascii():
        return False
    first, second = _plain(one), _plain(other)
    if first == second:
        return True
    pairs = [pair for pair in zip(first, second, strict=False) if pair[0] != pair[1]]
    return len(first) == len(second) and all(map(_is_deceptive, pairs))


def are_forms_of_one(one: str, other: str) -> bool:
    """Whether one of two names may be how a cloud spells the other: in another letter case, with blanks around it, with unseen characters, or
    with another separator in the same place. `web-2` is no form of `web`, nor is `web-11` one of `web-1-1`: neighbours have such names.
    """
    return _spelling(one) == _spelling(other)


def quote_distinctly(one: object, other: object) -> tuple[str, str]:
    """Two values for a sentence; by their numbers where their letters would read the same."""
    return (ascii(one), ascii(other)) if look_alike(str(one), str(other)) else (repr(one), repr(other))


def _spelling(name: str) -> str:
    seen = "".join(each for each in name.strip() if not is_invisible(each)).strip()
    return re.sub(r"[\W_]", "-", seen).casefold()


def _is_deceptive(pair: Iterable[str]) -> bool:
    one, other = pair
    return not (one + other).isascii() and not (is_wide(one) or is_wide(other))


def _plain(text: str) -> str:
    """Without forms (full width, ligatures), marks, and what is not seen."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(each for each in decomposed if not unicodedata.combining(each) and not is_invisible(each)).strip()
