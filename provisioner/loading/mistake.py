"""A mistake on its way to the place it belongs to: raised where it is noticed, placed where the position is known.

It knows what happened and what to do next, and nothing of files, lines and addresses.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class Mistake(Exception):  # noqa: N818 - the author's mistake, not a malfunction
    def __init__(self, code: str, summary: str, *, hint: str = "") -> None:
        super().__init__(summary)
        self.code = code
        self.summary = summary
        self.hint = hint


class Withheld(Exception):  # noqa: N818 - a state of a value
    """What is asked for is broken, and was reported where it broke: nothing that depends on it says so again."""


def nearest(word: str, options: Iterable[str], *, title: str = "possible here") -> str:
    """A hint: the option that was probably meant, else all of them (at most 20)."""
    known = sorted(options)
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f"did you mean {close[0]}?"
    shown = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")  # noqa: PLR2004 - the doc says 20
    return f"{title}: {shown}" if known else ""
