"""Errors without a source position: raised where a mistake is noticed, and placed by a caller that knows the position."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UnplacedError(Exception):
    """A mistake in the specs: what is wrong and what to do about it, without file, line or address.

    `detail`: what else a reader needs, such as other places. `about`: what is missing, such as `servers.web`; all errors about
    one thing are reported as one. `near`: the text inside a value at which the mistake stands, to find its line. `keys`: two keys
    of the value that exclude each other, each of which may come from elsewhere.
    """

    def __init__(
        self,
        code: str,
        summary: str,
        *,
        hint: str = "",
        detail: str = "",
        about: str = "",
        near: str = "",
        keys: tuple[str, ...] = (),
    ) -> None:
        super().__init__(summary)
        self.code = code
        self.summary = summary
        self.hint = hint
        self.detail = detail
        self.about = about
        self.near = near
        self.keys = keys
        self.line = 1
        """The line of a template at which it stands."""


def variable_subject(name: str) -> str:
    """Returns the `about` of errors that miss a variable, so that all its uses are reported together."""
    return f"variable {name}"


class AlreadyReported(Exception):  # noqa: N818 - a state of a value
    """A value is needed that was invalid and has been reported, so nothing that depends on it reports it again."""


def closest_match(word: str, options: Iterable[str]) -> str | None:
    """Returns the option that was probably meant, if any. Upper and lower case are alike, unless both spellings exist."""
    known = sorted(options)
    if found := difflib.get_close_matches(word, known, n=1):
        return found[0]
    folded = {option.casefold(): option for option in known}
    return next((folded[found] for found in difflib.get_close_matches(word.casefold(), folded, n=1)), None)


def suggest(word: str, options: Iterable[str], *, title: str = "possible here") -> str:
    """Returns a hint with the option that was probably meant, else with all of them (at most 30)."""
    known = sorted(options)
    if (match := closest_match(word, known)) is not None:
        return f"did you mean {match}?"
    shown = ", ".join(known[:30]) + (", ..." if len(known) > 30 else "")  # noqa: PLR2004 - the doc says 30
    return f"{title}: {shown}" if known else ""
