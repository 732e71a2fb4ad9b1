"""Explains why a file is not valid YAML: what is wrong, at the place where it is wrong, and what to write.

The parser says what it expected at the place where it stopped, which is often the line below the mistake. This module
knows the parser's messages and what authors do that causes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import yaml

from provisioner.loading.document import Document
from provisioner.loading.lookalike_syntax import find_near, lookalike_error
from provisioner.loading.unplaced_error import UnplacedError
from provisioner.model.diagnostic import SourceRange
from provisioner.model.secret import HIDDEN

_CHECK: Final = "check the indentation, the quotes and the brackets near this place"
_SCANNED_LIMIT: Final = 1024 * 1024
"""Most characters of a file that is scanned once more to find its open brackets."""
_KEY_WITHOUT_SPACE: Final = re.compile(r"\s*(?:- +)?(?P<key>[A-Za-z_][\w.-]*):(?=[^\s:/])(?P<value>.*)")
_COMPLETE: Final = re.compile(r"\s*(?:- +)?(?!-)[^\s#:][^:]*: +[^\s|>&#]")
_KEY_WITH_EQUALS: Final = re.compile(r"\s*(?:- +)?[A-Za-z_][\w.-]*\s*=")
_SIMPLE: Final = {
    "found unknown escape character": (
        "a backslash in double quotes begins an escape, and this is none",
        "write two backslashes for one, or use single quotes, in which a backslash is an ordinary character",
    ),
    "block sequence entries are not allowed": (
        "a list cannot begin on the line of its key",
        "write each - on a line of its own",
    ),
    "did not find expected alphabetic or numeric character": (
        "a value without quotes cannot begin with * or &, which mark aliases and anchors",
        "put the value in quotes",
    ),
}
"""The beginnings of the parser's messages that have one cause, with the sentence and the hint for them."""
_PARTNERS: Final = {"[": "]", "{": "}"}


def explain_syntax_error(document: Document, reason: yaml.MarkedYAMLError) -> tuple[UnplacedError, SourceRange]:
    """Returns the error for what the parser has met, and its place."""
    mark = reason.problem_mark or reason.context_mark
    offset = min(mark.index if mark else 0, len(document.text))
    if (lookalike := find_near(document.text, offset)) is not None:
        character = document.text[lookalike]
        return lookalike_error(character), document.locate(lookalike, character)
    mistake, offset = _Stop(document, reason, offset).explain()
    return mistake, document.locate(offset, "\t" if document.text.startswith("\t", offset) else None)


def complex_key_error(text: str, offset: int) -> UnplacedError:
    """Returns the error for a key that is no text. Most of them are templates whose quotes are missing."""
    template = text.startswith("{", offset) and text.rfind("{", max(0, offset - 1), offset) >= 0
    summary, hint = "a map, a list or an alias cannot be a key", "use a plain text as the key"
    if template:
        summary = "a template stands here without quotes, and YAML reads {{ as the beginning of a map"
        hint = 'put the template in quotes: "{{ ... }}"'
    return UnplacedError("complex-key", summary, hint=hint)


class _Stop:
    """A place where the parser stopped. `before` is the part of its line to the left."""

    def __init__(self, document: Document, reason: yaml.MarkedYAMLError, offset: int) -> None:
        self._document = document
        self._text = text = document.text
        self._offset = offset
        self._problem = reason.problem or reason.context or "it cannot be parsed"
        self._context = reason.context_mark.index if reason.context_mark else None
        self._start = text.rfind("\n", 0, offset) + 1
        self._before = text[self._start : offset]
        self._line = self._line_at(self._start)

    def explain(self) -> tuple[UnplacedError, int]:
        tab = self._line.find("\t", 0, len(self._line) - len(self._line.lstrip()))
        if tab >= 0 or self._text.startswith("\t", self._offset):
            at = self._start + tab if tab >= 0 else self._offset
            return _error("a tab stands here, where only spaces may", "indent with spaces, not tabs"), at
        if "{{" in self._line and not self._before.rstrip().endswith(('"', "'")):
            return self._plain('put values with templates in quotes: "{{ ... }}"'), self._offset
        match self._problem:
            case "found unexpected end of stream" if self._context is not None:
                quote = self._text[self._context : self._context + 1]
                hint = f"add the closing {quote}, or take this one out"
                return _error(f"the quote {quote} that is opened here is never closed", hint), self._context
            case problem if problem.startswith("mapping values are not allowed"):
                return self._unexpected_colon()
            case "could not find expected ':'" if self._context is not None:
                return self._line_without_colon(self._text.rfind("\n", 0, self._context) + 1)
            case problem if problem.startswith("found character") and self._offset < len(self._text):
                summary = (
                    f"a value without quotes cannot begin with {self._shown(self._text[self._offset], self._offset)}"
                )
                return _error(summary, "put the value in quotes"), self._offset
            case problem:
                simple = next((words for start, words in _SIMPLE.items() if problem.startswith(start)), None)
                return _error(*simple) if simple else self._structure(), self._offset

    def _structure(self) -> UnplacedError:
        """Returns the error for a bracket that is open, for text where none may be, or for a line that fits no level."""
        if (bracket := self._open_bracket()) is not None:
            opened = self._text[bracket]
            line = self._text.count("\n", 0, bracket) + 1
            column = bracket - self._text.rfind("\n", 0, bracket)
            summary = f"the {opened} of line {line}, column {column} is not closed before this place"
            return _error(summary, f"add the missing {_PARTNERS[opened]} or comma; else {_CHECK}")
        rest = self._text[self._offset : self._offset + 1]
        before = self._before.rstrip()
        if before and rest in {"}", "]"}:
            return _error(f"this {rest} closes nothing", "take it out, or add the bracket that it closes")
        if before.endswith(('"', "'")):
            hint = "put the whole value in quotes; inside single quotes, write a quote twice"
            return _error("text follows behind the closing quote", hint)
        if not before and self._problem.startswith("did not find expected"):
            return self._misindented()
        return self._plain(_CHECK)

    def _misindented(self) -> UnplacedError:
        depth = len(self._line) - len(self._line.lstrip())
        if self._line.lstrip().startswith("- "):
            return _error(
                "an item of a list stands here, among the keys of a map", "indent it below the key of the list"
            )
        levels = sorted({len(line) - len(line.lstrip()) for line in self._lines_above()})
        if depth in levels:
            return _error(
                "this line does not belong to the lines above it",
                "indent it like its siblings: a key of a map, or - for an item of a list",
            )
        spaces = "1 space" if depth == 1 else f"{depth} spaces"
        known = ", ".join(map(str, levels)) or "0"
        return _error(
            f"this line is indented by {spaces}, and the lines above it by {known}", "indent it like its siblings"
        )

    def _unexpected_colon(self) -> tuple[UnplacedError, int]:
        if re.search(r"\S:\s", self._before) or re.search(r"^\s*- \s*\S+:\s", self._before):
            hint = 'put the value in quotes: "..."'
            return _error("a value without quotes contains a colon and a space", hint), self._offset
        for start in self._starts_above():
            line = self._line_at(start)
            if _COMPLETE.match(line):
                summary = "this line is indented below a key that has a value already"
                return _error(summary, "indent it like the line above it"), self._start + len(self._line) - len(
                    self._line.lstrip()
                )
            if line.strip() and not line.lstrip().startswith("#"):
                return self._line_without_colon(start)
        return self._plain(_CHECK), self._offset

    def _line_without_colon(self, start: int) -> tuple[UnplacedError, int]:
        """Returns the error for a line that should be `key: value`."""
        line = self._line_at(start)
        at = start + len(line) - len(line.lstrip())
        if found := _KEY_WITHOUT_SPACE.match(line):
            key = self._shown(found["key"], start + found.start("key"))
            summary, hint = (
                f"there is no space behind the colon of {key}:",
                f"write {key}: and a space before the value",
            )
            return _error(summary, hint), start + found.start("key")
        if line.lstrip().startswith("-") and not line.lstrip().startswith("- "):
            return _error("there is no space behind the hyphen of a list's item", "write - and a space"), at
        if _KEY_WITH_EQUALS.match(line):
            return _error("a key is set with = here", "write key: value, with a colon"), at
        if line.lstrip().startswith("//"):
            return _error("// begins no comment", "begin comments with #"), at
        if re.fullmatch(r"={7}\s*|\|{7}.*", line):
            return _error("this is the marker of a merge that was not finished", "keep one of the two versions"), start
        block = next((above for above in self._lines_above(start) if above.strip()), "")
        if re.search(r":\s*[|>][-+0-9]*\s*$", block):
            key = block.strip().removeprefix("- ").partition(":")[0]
            return _error(f"the text of {key}: is not indented", f"indent every line of it more than {key}:"), at
        if _is_value(line):
            return _error("there is no colon behind this key", "write key: value, with a colon and a space"), at
        return self._plain(_CHECK), self._offset

    def _open_bracket(self) -> int | None:
        """Returns the offset of the innermost bracket that is open where the parser stopped."""
        if len(self._text) > _SCANNED_LIMIT:
            return None
        opened: list[int] = []
        try:
            for token in yaml.scan(self._text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
                if token.start_mark.index >= self._offset:
                    break
                if isinstance(token, yaml.FlowMappingStartToken | yaml.FlowSequenceStartToken):
                    opened.append(token.start_mark.index)
                elif isinstance(token, yaml.FlowMappingEndToken | yaml.FlowSequenceEndToken) and opened:
                    opened.pop()
        except yaml.YAMLError:
            pass  # the tokens up to the mistake were read
        return opened[-1] if opened else None

    def _starts_above(self, start: int | None = None) -> Iterator[int]:
        at = self._start if start is None else start
        while at > 0:
            at = self._text.rfind("\n", 0, at - 1) + 1
            yield at

    def _lines_above(self, start: int | None = None) -> Iterator[str]:
        """Yields the lines above that hold something, the nearest first, up to the nearest line without indentation."""
        for at in self._starts_above(start):
            line = self._line_at(at)
            if line.strip() and not line.lstrip().startswith("#"):
                yield line
                if not line[0].isspace():
                    return

    def _line_at(self, start: int) -> str:
        end = self._text.find("\n", start)
        return self._text[start : end if end >= 0 else len(self._text)].rstrip("\r")

    def _shown(self, word: str, offset: int) -> str:
        """Returns a word of the text, unless its line is hidden because it may be a part of a secret."""
        return word if word in self._document.locate(offset).excerpt else HIDDEN

    def _plain(self, hint: str) -> UnplacedError:
        return _error(self._problem, hint)


def _is_value(line: str) -> bool:
    return re.fullmatch(r"\s*(?:- +)?[\w.-]+(?: .*)?", line) is not None


def _error(summary: str, hint: str) -> UnplacedError:
    return UnplacedError("yaml-syntax", f"this is not valid YAML: {summary}", hint=hint)
