"""What docs/errors.md says about one code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """`section` is the heading under which the code stands. The texts are Markdown."""

    code: str
    section: str
    meaning: str
    remedy: str
