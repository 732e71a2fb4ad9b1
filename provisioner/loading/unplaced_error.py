"""A mistake on its way to the place it belongs to: raised where it is noticed, placed where the position is known.

It knows what happened and what to do next, and nothing of files, lines and addresses.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UnplacedError(Exception):
    def __init__(self, code: str, summary: str, *, hint: str = "") -> None:
        super().__init__(summary)
        self.code = code
        self.summary = summary
        self.hint = hint


class AlreadyReported(Exception):  # noqa: N818 - a state of a value
    """What is asked for is broken, and was reported where it broke: nothing that depends on it says so again."""


def closest_match(word: str, options: Iterable[str]) -> str | None:
    """The option that was probably meant."""
    return next(iter(difflib.get_close_matches(word, sorted(options), n=1)), None)


def suggest(word: str, options: Iterable[str], *, title: str = "possible here") -> str:
    """A hint: the option that was probably meant, else all of them (at most 30)."""
    known = sorted(options)
    if (match := closest_match(word, known)) is not None:
        return f"did you mean {match}?"
    shown = ", ".join(known[:30]) + (", ..." if len(known) > 30 else "")  # noqa: PLR2004 - the doc says 30
    return f"{title}: {shown}" if known else ""
