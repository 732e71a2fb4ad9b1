"""Finds where a secret ends that begins on a line of a script or of YAML: at its closing quote or bracket, below its
indentation, or at the end of its here document. All searches together take time in proportion to the text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

_TOKEN: Final = re.compile(r"""\\.|\"""|'''|["'`]|[(\[{]|[)\]}]""")
_BLOCK: Final = re.compile(r"(?:[&!]\S*+\s*+)*+(?:[|>][0-9+-]{0,3})?\s*(?:#.*)?")
"""All that can stand behind a YAML key whose value is on the lines below."""
_OPENING: Final = (":", "|", "|-", "|+", ">", ">-", ">+", "=", "(", "{", "[", '"""')
"""Ends of lines whose value stands on the lines below."""
_ONLY_CLOSES: Final = re.compile(r"\s*[\])}][\])}\s,;]*")
_HERE_DOCUMENT: Final = re.compile(r"(?<!<)<<-?(?!<)[ \t]*(\"[^\"]+\"|'[^']+'|[^\s;&|<>()]+)")
_ONLY_NAME: Final = re.compile(r"[^\w.-]*+(?:- ++)?[\w.-]++[^\w.-]*+")
_TAG: Final = re.compile(r"<([\w:.-]+)(?:\s[^<>]*)?>")


class Extents:
    """Where values of these lines end."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._last = len(lines) - 1
        self._places: dict[str, list[int]] = {}
        for index, line in enumerate(lines):
            self._places.setdefault(line.strip(), []).append(index)

    def of_value(self, index: int, start: int) -> int:
        """Returns the last line of a value that begins at `start` of a line."""
        line = self._lines[index]
        value = line[start:].strip()
        if _BLOCK.fullmatch(value):
            return max(self.of_block(index, always=True), self.of_here_documents(index))
        last = self._of_brackets(index, start)
        if last is None:
            return self._last
        if last > index and _ONLY_CLOSES.fullmatch(self._lines[last]):
            last -= 1
        if line.rstrip().endswith(_OPENING):
            last = max(last, self.of_block(index))
        return max(last, self.of_here_documents(index))

    def of_statement(self, index: int) -> int:
        """Returns the last line of what begins on a line on which no value follows the secret's name."""
        line = self._lines[index]
        last = self._of_brackets(index, len(line)) or index
        if (tag := _TAG.search(line)) is not None and f"</{tag[1]}" not in line:
            last = max(last, self._next(f"</{tag[1]}>", index) or index)
        if _ONLY_NAME.fullmatch(line):
            last = max(last, self.of_block(index, always=True))
        elif line.rstrip().endswith(_OPENING):
            last = max(last, self.of_block(index))
        return max(last, self.of_here_documents(index))

    def of_block(self, index: int, *, always: bool = False) -> int:
        """Returns the last line that is below a line, as in YAML. `always`: at least the next one counts."""
        depth, last = indentation(self._lines[index]), index
        for each in range(index + 1, self._last + 1):
            line = self._lines[each]
            own = indentation(line)
            is_item = own == depth and line.lstrip().startswith("- ")
            if not line.strip():
                continue
            if own > depth or is_item or line.lstrip().startswith("#"):
                last = each
                continue
            has_value = any(not other.lstrip().startswith("#") for other in self._lines[index + 1 : last + 1])
            return each if always and not has_value else last
        return last

    def of_here_documents(self, index: int) -> int:
        """Returns the last line of the here documents that begin on a line: the one before the end mark, the end of the text
        if there is no mark, and the line itself if none begins there.
        """
        last = index
        for found in _HERE_DOCUMENT.finditer(self._lines[index]):
            end = self._next(re.sub(r"[\"'\\]", "", found[1]), last)
            if end is None:
                return self._last
            last = end
        return max(last - 1, index) if last > index else index

    def _next(self, line: str, index: int) -> int | None:
        """Returns the next line after `index` that reads like this."""
        places = self._places.get(line, [])
        at = bisect_right(places, index)
        return places[at] if at < len(places) else None

    def _of_brackets(self, index: int, start: int) -> int | None:
        """Returns the line on which all quotes of a line are closed, and the brackets from `start`; None if there is none."""
        quote, depth = "", 0
        for each in range(index, self._last + 1):
            line = self._lines[each]
            for token in _TOKEN.finditer(line):
                mark = token[0]
                if quote:
                    quote = "" if mark == quote else quote
                elif mark[0] in "\"'`":
                    is_apostrophe = mark == "'" and line[max(token.start() - 1, 0) : token.start()].isalnum()
                    quote = "" if is_apostrophe else mark
                elif mark[0] != "\\" and (each > index or token.start() >= start):
                    depth = max(depth + (1 if mark in "([{" else -1), 0)
            if not quote and (depth == 0 or start == len(self._lines[index])):
                return each
        return None


def opens_block(value: str) -> bool:
    """Returns whether this is only the beginning of a value on the lines below, and so no part of a secret."""
    return value.strip() in {"", *_OPENING}


def indentation(line: str) -> int:
    if "\t" in line:
        line = line.expandtabs()
    return len(line) - len(line.lstrip())
