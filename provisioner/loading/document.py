"""The text of one file: converts offsets to source ranges, and masks secrets in the excerpts that it returns.

This module knows lines and columns, not YAML. The caller passes the keys that hold secrets.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cached_property, lru_cache
from pathlib import Path

from provisioner.model.diagnostic import SourceRange
from provisioner.model.secret import HIDDEN
from provisioner.model.secret_names import sounds_secret

UNSAFE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
"""Characters that can hide or reorder what a reader sees. Line breaks and tabs are not included."""

_KEY = re.compile(r"""(?<![\w-])(?:"([^"\n]{1,128})"|'([^'\n]{1,128})'|([\w.-]{1,128}))\s*:""")
_KEY_WITHOUT_COLON = re.compile(r"(?<![\w.-])([\w.-]{1,128})(?=[ \t]+[^\s:#])")
"""A key whose colon is missing or misplaced. Its underscore may be missing as well (`admin pass`)."""
_CONTENT_KEYS = ("userdata",)
"""Keys whose value may contain anything, for example a password in a command."""
_SIMILARITY = 0.75
"""Ratio of difflib from which two keys are similar, such as `adminpss` and `admin_pass`."""

_LENGTH_DIFFERENCE = 4
"""Most characters by which similar keys differ in length. This check alone excludes most keys of a large file."""

_SECRET_OF_URL = re.compile(
    r"""://[^\s"'/\[]*:(?!\d{1,5}(?:[/?,\s"'}\]]|$))|://(?=[^\s"']*:[^\s"']*@)|[?&][a-z_]*(?:password|secret|_key)="""
)
"""The part of a URL behind which a password stands, or may: where no port follows the colon, or an @ comes later."""

_BREAK = re.compile(r"\r\n|\r|\n")
_QUOTED = re.compile(r""""(?:\\.|[^"\\\n])*"|'(?:''|[^'\n])*'""")
_PLAIN = re.compile(r"(?:[^\s#,\]}]|[ \t](?=[^\s#])|(?<=\S)#)+")
_VALUE = re.compile(r"[^:]*:\s+(\S)")
_EXCERPT = 200
_LINES_BELOW = 100


@dataclass(frozen=True)
class Document:
    """A named text. `label` is the path as shown to users. The values under `secret_keys` are never shown.

    `choices`: the allowed words of each field that takes only certain words, by the field's key.
    """

    label: str
    text: str = field(repr=False)
    secret_keys: frozenset[str] = frozenset()
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def locate(self, offset: int, token: str | None = None, *, unknown: bool = False) -> SourceRange:
        """Returns the source range at `offset`, with a masked excerpt of its line.

        `token` is the text at that place; None guesses its length from the document. `unknown`: the token is a key that no schema
        knows, so its value is masked as well.
        """
        offset = min(offset, len(self.text))
        index = bisect_right(self._line_starts, offset) - 1
        column = offset - self._line_starts[index]
        return SourceRange(
            self.label,
            index + 1,
            column + 1,
            self._excerpt(index, mask_after=column + len(token) if unknown and token else None),
            self._length(offset) if token is None else len(token) or 1,
        )

    def mask_if_secret(self, word: str, offset: int) -> str:
        """Returns `word`, the word at `offset`, or HIDDEN if it may be part of a secret.

        A secret that is written without quotes may begin with `*` or `!` and is then read as an alias or a tag.
        """
        return HIDDEN if self.locate(offset).excerpt.endswith(HIDDEN) else word

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(found.end() for found in _BREAK.finditer(self.text))]

    def may_be_secret(self, key: str) -> bool:
        """Returns whether the value under `key` may be a secret: the key is a secret's, is similar to one, or sounds like one."""
        if key in self.secret_keys or sounds_secret(key):
            return True
        normalized = _normalized(key)
        candidates = (
            name
            for name in map(_normalized, (*self.secret_keys, *_CONTENT_KEYS))
            if abs(len(name) - len(normalized)) <= _LENGTH_DIFFERENCE
        )
        return any(_are_similar(normalized, name) for name in candidates)

    def _find_secret_keys(self, text: str) -> Iterator[re.Match[str]]:
        """Yields the keys in `text` whose values may be secrets."""
        known: dict[str, bool] = {}
        for found in _KEY.finditer(text):
            key = next(filter(None, found.groups()), "")
            if key not in known:
                known[key] = self.may_be_secret(key)
            if known[key]:
                yield found

    @cached_property
    def _hidden_lines(self) -> frozenset[int]:
        """The lines on which a secret's value continues: those below its key that are indented more deeply."""
        lines: set[int] = set()
        for found in self._find_secret_keys(self.text):
            first, last = (bisect_right(self._line_starts, offset) - 1 for offset in (found.start(), found.end() - 1))
            lines.update(range(first + 1, last + 1))
            depth = _indentation(self._line(first))
            for below in range(last + 1, min(last + _LINES_BELOW, len(self._line_starts))):
                line = self._line(below)
                if line.strip() and _indentation(line) <= depth:
                    break
                lines.add(below)
        return frozenset(lines)

    def _line(self, index: int) -> str:
        end = self._line_starts[index + 1] if index + 1 < len(self._line_starts) else len(self.text)
        return self.text[self._line_starts[index] : min(end, self._line_starts[index] + 10 * _EXCERPT)].rstrip("\r\n")

    def _find_key_without_colon(self, line: str) -> re.Match[str] | None:
        return next((found for found in _KEY_WITHOUT_COLON.finditer(line) if self.may_be_secret(found[1])), None)

    def _length(self, offset: int) -> int:
        found = _QUOTED.match(self.text, offset) or _PLAIN.match(self.text, offset, offset + _EXCERPT)
        return max(1, found.end() - found.start()) if found else 1

    def _excerpt(self, index: int, *, mask_after: int | None) -> str:
        line = self._line(index)
        if mask_after is not None and (found := _VALUE.match(line, mask_after)):
            line = f"{line[: found.start(1)]}{HIDDEN}"
        if index in self._hidden_lines:
            line = " " * _indentation(line) + HIDDEN
        elif found := next(self._find_secret_keys(line), None) or self._find_key_without_colon(line):
            line = f"{line[: found.end()]} {HIDDEN}" if line[found.end() :].strip() else line
        if found := _SECRET_OF_URL.search(line):
            line = f"{line[: found.end()]}{HIDDEN}"
        return UNSAFE.sub("\N{REPLACEMENT CHARACTER}", line.replace("\t", " "))[:_EXCERPT]


@lru_cache(maxsize=4096)
def _are_similar(key: str, name: str) -> bool:
    """Returns whether two keys are similar. The result is cached because every server has the same few keys."""
    return SequenceMatcher(None, key, name).ratio() >= _SIMILARITY


def _normalized(key: str) -> str:
    return re.sub(r"[\W_]", "", key).lower()


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def display_path(path: Path) -> str:
    """Returns a path for messages: relative if it lies below the current directory, else as given."""
    absolute, here = os.path.abspath(path), os.getcwd()  # noqa: PTH100, PTH109 - Path.resolve would follow links
    return os.path.relpath(absolute, here) if absolute.startswith(here.rstrip("/") + "/") else str(path)
