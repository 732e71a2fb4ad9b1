"""Renders what changes in a text of several lines, such as userdata, as signed lines like those of a unified diff."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import product, takewhile

from provisioner.model.lookalikes import look_alike
from provisioner.model.secret import HIDDEN
from provisioner.rendering.style import escape, escape_all
from provisioner.rendering.wording import pluralize

_CONTEXT = 3
"""How many unchanged lines are shown before and after a change."""
_LONGEST = 2000
"""Lines up to which the parts of two texts between their equal beginnings and ends are compared. The API takes 32 KiB, so
only a text of nearly empty lines has more.
"""
_MOST_PAIRS = 400
"""How many pairs of removed and added lines are checked for looking alike; of more, only those in the same places."""


@dataclass(frozen=True, slots=True)
class SignedLine:
    """`text` is safe to print; `sign` is "+", "-" or a space."""

    sign: str
    text: str


@lru_cache(maxsize=256)
def text_difference(before: str | None, after: str | None) -> tuple[SignedLine, ...]:
    """Returns the lines that are removed and added, with their neighbours. None: a text that is not known.

    The result is kept because the servers of a group often change alike.
    """
    if before is None and after is None:
        return ()
    if before is None:
        note = "(the text that is there is not on record, so the new text is shown whole)"
        return (SignedLine(" ", note), *_signed("+", _lines(after)))
    if after is None:
        return (
            SignedLine(" ", "(the new content is not text, so only the text that is there is shown)"),
            *_signed("-", _lines(before)),
        )
    if HIDDEN in {before, after}:
        return tuple(_hidden_as_a_whole(before, after))
    if before == after:
        return (SignedLine(" ", "(the texts differ only in what is hidden because it may be a secret)"),)
    return tuple(_compared(_lines(before), _lines(after)))


def _hidden_as_a_whole(before: str, after: str) -> Iterator[SignedLine]:
    if before == after:
        yield SignedLine(" ", "(both texts are hidden as a whole, because they may hold a secret)")
        return
    which = "the text that is there" if before == HIDDEN else "the new text"
    yield SignedLine(" ", f"({which} is hidden as a whole, because it may hold a secret)")
    yield from _signed("+", _lines(after)) if before == HIDDEN else _signed("-", _lines(before))


def text_lines(text: str) -> tuple[SignedLine, ...]:
    """Returns the whole text, without signs."""
    return tuple(_signed(" ", _lines(text)))


def _lines(text: str | None) -> list[str]:
    return (text or "").removesuffix("\n").split("\n") if text else []


def _signed(sign: str, lines: Sequence[str]) -> Iterator[SignedLine]:
    return (SignedLine(sign, escape(line) if sign == " " else _visible(line)) for line in lines)


def _compared(before: list[str], after: list[str]) -> Iterator[SignedLine]:
    if before == after:  # they differ in the line break at the end alone
        yield _skipped(len(before))
        yield SignedLine(" ", "(only the line break at the end differs)")
        return
    same_before = _same(before, after)
    same_after = min(_same(before[::-1], after[::-1]), min(len(before), len(after)) - same_before)
    if max(len(before), len(after)) - same_before - same_after > _LONGEST:
        counts = f"{len(before):,} lines become {len(after):,} lines, too many to compare"
        yield SignedLine(" ", f"({counts}: `provisioner explain` and `provisioner state show` print both)")
        return
    shown = max(same_before - _CONTEXT, 0)
    if shown:
        yield _skipped(shown)
    rest = max(same_after - _CONTEXT, 0)
    yield from _grouped(before[shown : len(before) - rest], after[shown : len(after) - rest])
    if rest:
        yield _skipped(rest)


def _same(before: Sequence[str], after: Sequence[str]) -> int:
    """Returns how many lines are equal at the beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))


def _skipped(count: int) -> SignedLine:
    return SignedLine(" ", f"({pluralize(count, 'unchanged line')})")


def _grouped(before: list[str], after: list[str]) -> Iterator[SignedLine]:
    shown = 0
    both = frozenset(map(_visible, before)) & frozenset(map(_visible, after))
    for group in SequenceMatcher(None, before, after).get_grouped_opcodes(_CONTEXT):
        if skipped := group[0][1] - shown:
            yield _skipped(skipped)
        for tag, first, end, new_first, new_end in group:
            if tag == "equal":
                yield from _signed(" ", before[first:end])
            else:
                yield from _changed(before[first:end], after[new_first:new_end], both)
        shown = group[-1][2]


def _changed(removed: Sequence[str], added: Sequence[str], both: frozenset[str]) -> Iterator[SignedLine]:
    """Yields removed and added lines, with escapes where one looks like another. `both`: how lines of both sides look."""
    is_small = len(removed) * len(added) <= _MOST_PAIRS
    pairs = product(removed, added) if is_small else zip(removed, added, strict=False)
    alike = {line for pair in pairs if look_alike(*pair) for line in pair}
    for sign, lines in (("-", removed), ("+", added)):
        for line in lines:
            plain = line.replace("\\", "\\\\") if _visible(line) in both else line
            yield SignedLine(sign, _visible(plain, escape_all if line in alike else escape))


def _visible(line: str, escaped: Callable[[str], str] = escape) -> str:
    """Returns the line as it is printed, the last space at its end marked."""
    return escaped(line[:-1]) + "\\u0020" if line.endswith(" ") else escaped(line)
