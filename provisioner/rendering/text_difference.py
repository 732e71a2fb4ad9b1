"""Renders what changes in a text of several lines, such as userdata, as signed lines like those of a unified diff."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from provisioner.rendering.style import escape
from provisioner.rendering.wording import pluralize

_CONTEXT = 3
"""How many unchanged lines are shown before and after a change."""
_LONGEST = 2000
"""Lines of a text up to which it is compared. The API takes 32 KiB, so only a text of nearly empty lines has more."""


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
    if before == after:
        return (SignedLine(" ", "(the texts differ only in what is hidden because it may be a secret)"),)
    return tuple(_compared(_lines(before), _lines(after)))


def text_lines(text: str) -> tuple[SignedLine, ...]:
    """Returns the whole text, without signs."""
    return tuple(_signed(" ", _lines(text)))


def _lines(text: str | None) -> list[str]:
    return (text or "").removesuffix("\n").split("\n") if text else []


def _signed(sign: str, lines: Sequence[str]) -> Iterator[SignedLine]:
    return (SignedLine(sign, escape(line)) for line in lines)


def _compared(before: list[str], after: list[str]) -> Iterator[SignedLine]:
    if max(len(before), len(after)) > _LONGEST:
        yield SignedLine(" ", f"({len(before):,} lines become {len(after):,} lines, too many to compare)")
        return
    shown = 0
    for group in SequenceMatcher(None, before, after).get_grouped_opcodes(_CONTEXT):
        if skipped := group[0][1] - shown:
            yield SignedLine(" ", f"({pluralize(skipped, 'unchanged line')})")
        for tag, first, end, new_first, new_end in group:
            if tag == "equal":
                yield from _signed(" ", before[first:end])
            else:
                yield from _signed("-", before[first:end])
                yield from _signed("+", after[new_first:new_end])
        shown = group[-1][2]
    if skipped := len(before) - shown:
        yield SignedLine(" ", f"({pluralize(skipped, 'unchanged line')})")
    if before == after:  # they differ in the line break at the end alone
        yield SignedLine(" ", "(only the line break at the end differs)")
