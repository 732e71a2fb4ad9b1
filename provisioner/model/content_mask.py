"""Masks values of variables that may be secrets in texts that are only for people, such as userdata."""

from __future__ import annotations

import re
from typing import Final

from provisioner.model.mask import Mask
from provisioner.model.secret import HIDDEN, Secret

_SHORTEST: Final = 3
"""Characters. A shorter value would hide most of a text."""


class ContentMask:
    """Unlike the mask of the cloud's answers, it hides short values as well, as whole words. Each line of a value counts
    for itself, because templates indent them.
    """

    def __init__(self) -> None:
        self._mask = Mask()
        self._words: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, value: str) -> None:
        for line in filter(lambda each: len(each) >= _SHORTEST, map(str.strip, value.splitlines())):
            self._words.add(line)
            self._mask.add(Secret(line))
        self._pattern = None

    def text(self, text: str) -> str:
        if not self._words:
            return text
        if self._pattern is None:
            longest_first = sorted(self._words, key=lambda each: (-len(each), each))
            self._pattern = re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, longest_first))})(?![^\W_])")
        return self._mask.lines(self._pattern.sub(HIDDEN, text))
