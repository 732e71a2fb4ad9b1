"""One text with a name: turns offsets into places that a person can open, and never shows a secret while doing so.

Knows lines and columns, not YAML: which keys hold secrets is told to it.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from provisioner.model.diagnostic import SourceRange
from provisioner.model.secret import HIDDEN

UNSAFE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
"""Characters that can hide or reorder what a reader sees; line breaks and tabs are not among them."""

_BREAK = re.compile(r"\r\n|\r|\n")
_QUOTED = re.compile(r""""(?:\\.|[^"\\\n])*"|'(?:''|[^'\n])*'""")
_PLAIN = re.compile(r"(?:[^\s#,\]}]|[ \t](?=[^\s#])|(?<=\S)#)+")
_EXCERPT = 200
_LINES_BELOW = 100


@dataclass(frozen=True)
class Document:
    """`label` is what a person would open; `hidden` are the keys whose values are never shown."""

    label: str
    text: str = field(repr=False)
    hidden: frozenset[str] = frozenset()

    def place(self, offset: int, token: str | None = None) -> SourceRange:
        """`token` is what stands there when the caller knows; else it is guessed from the text."""
        offset = min(offset, len(self.text))
        index = bisect_right(self._starts, offset) - 1
        column = offset - self._starts[index]
        return SourceRange(
            self.label,
            index + 1,
            column + 1,
            self._excerpt(index),
            self._length(offset) if token is None else len(token) or 1,
        )

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in _BREAK.finditer(self.text))]

    @cached_property
    def _secret_key(self) -> re.Pattern[str]:
        names = "|".join(map(re.escape, sorted(self.hidden))) or r"(?!)"
        return re.compile(rf"""(?<![\w-])["']?(?:{names})["']?\s*:""")

    @cached_property
    def _continuations(self) -> frozenset[int]:
        """The lines onto which a secret's value goes on: those below its key that are indented deeper."""
        lines: set[int] = set()
        for found in self._secret_key.finditer(self.text):
            first, last = (bisect_right(self._starts, offset) - 1 for offset in (found.start(), found.end() - 1))
            lines.update(range(first + 1, last + 1))
            depth = _depth(self._line(first))
            for below in range(last + 1, min(last + _LINES_BELOW, len(self._starts))):
                line = self._line(below)
                if line.strip() and _depth(line) <= depth:
                    break
                lines.add(below)
        return frozenset(lines)

    def _line(self, index: int) -> str:
        end = self._starts[index + 1] if index + 1 < len(self._starts) else len(self.text)
        return self.text[self._starts[index] : min(end, self._starts[index] + 10 * _EXCERPT)].rstrip("\r\n")

    def _length(self, offset: int) -> int:
        found = _QUOTED.match(self.text, offset) or _PLAIN.match(self.text, offset, offset + _EXCERPT)
        return max(1, found.end() - found.start()) if found else 1

    def _excerpt(self, index: int) -> str:
        line = self._line(index)
        if index in self._continuations:
            line = " " * _depth(line) + HIDDEN
        elif (found := self._secret_key.search(line)) and line[found.end() :].strip():
            line = f"{line[: found.end()]} {HIDDEN}"
        return UNSAFE.sub("\N{REPLACEMENT CHARACTER}", line.replace("\t", " "))[:_EXCERPT]


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def label(path: Path) -> str:
    """The path as a person would type it here: relative when it lies below the current directory, else as given."""
    absolute, here = os.path.abspath(path), os.getcwd()  # noqa: PTH100, PTH109 - Path.resolve would follow links
    return os.path.relpath(absolute, here) if absolute.startswith(here.rstrip("/") + "/") else str(path)
