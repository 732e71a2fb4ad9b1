"""Reads strict YAML: builds the tree from the parser's events and rejects everything that is ambiguous.

It is faster than PyYAML's own loaders and safe against hostile files: it limits nesting, expansion by aliases and the size
of numbers, and never recurses. This module knows YAML, not specs.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Any, Final, cast

import yaml

from provisioner.loading import lookalike_syntax
from provisioner.loading.document import UNSAFE, Document
from provisioner.loading.findings import Findings
from provisioner.loading.scalars import RejectedScalar, Scalar, resolve_scalar
from provisioner.loading.tree import DEPTH_LIMIT, INVALID, ListNode, MapNode, Value
from provisioner.loading.unplaced_error import UnplacedError
from provisioner.loading.yaml_syntax import complex_key_error, explain_syntax_error
from provisioner.model.diagnostic import SourceRange
from provisioner.model.lookalikes import character_name

EXPANSION_LIMIT = 1_000_000
"""Most values of a file after its aliases are expanded. The size of files without aliases is limit enough."""
MISTAKE_LIMIT = 1000
"""Most mistakes of one file before the rest of it is not read."""

# libyaml is several times faster; where PyYAML was built without it, its pure-Python twin emits the same events.
_PARSER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DROPPED: Final = object()
_MAP_END = yaml.MappingEndEvent
_LIST_END = yaml.SequenceEndEvent
_BOOLEAN_LETTERS = frozenset("ynYN")  # booleans by the letter of YAML 1.1, but no reader in use treats keys so
_BREAKS = re.compile(r"[\t\r\n]")
_PARSER_DEPTH_MESSAGE = "exceeded maximum nesting depth"
"""The message of newer libyaml versions, which have a nesting limit of their own, far above DEPTH_LIMIT."""


def read_yaml(document: Document, findings: Findings) -> Value:
    """Returns the root of a document: an empty map if it is empty, INVALID if it can't be read. Reports its mistakes."""
    unsafe = [*islice(UNSAFE.finditer(document.text), MISTAKE_LIMIT)]
    for found in unsafe:
        findings.add(_control_character_error(found.group()), at=document.locate(found.start(), found.group()))
    if unsafe:
        return INVALID
    if (marker := lookalike_syntax.find_merge_marker(document.text)) is not None:
        findings.add(lookalike_syntax.merge_error(), at=document.locate(marker.start(), marker.group()))
        return INVALID
    reader = _Reader(document, findings)
    try:
        return reader.read()
    except _DocumentRejected as stop:
        findings.add(stop.mistake, at=document.locate(stop.offset))
    except yaml.MarkedYAMLError as reason:
        if reason.problem == _PARSER_DEPTH_MESSAGE:
            mark = reason.problem_mark or reason.context_mark
            findings.add(_depth_error(), at=document.locate(mark.index if mark else 0))
        else:
            mistake, at = explain_syntax_error(document, reason)
            findings.add(mistake, at=at)
    return INVALID


class _DocumentRejected(Exception):  # noqa: N818 - ends one document, not the run
    def __init__(self, mistake: UnplacedError, offset: int) -> None:
        super().__init__(mistake.summary)
        self.mistake = mistake
        self.offset = offset


class _Frame:
    """A map or list whose end has not been read yet.

    `height`: the nesting depth of its contents so far. `start_count`: number of values read up to its start, including itself.
    """

    __slots__ = ("anchor", "height", "key", "key_at", "node", "start_count")

    def __init__(self, node: MapNode | ListNode, anchor: str | None, start_count: int) -> None:
        self.node = node
        self.anchor = anchor
        self.start_count = start_count
        self.height = 0
        self.key: Any = None
        self.key_at = 0


class _Reader:
    def __init__(self, document: Document, findings: Findings) -> None:
        self._document = document
        self._findings = findings
        self._top = _Frame(ListNode(), None, 0)
        self._open: list[_Frame] = []
        self._count = 0
        self._mistakes = 0
        self._anchors: dict[str, tuple[Value, int, int]] = {}
        """By anchor: its value, how many values that contains, and its height; -1 while the value is still open."""
        self._resolved: dict[str, Scalar | RejectedScalar] = {}

    def read(self) -> Value:
        parser = _PARSER(self._document.text)
        handlers = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._start_collection,
            yaml.SequenceStartEvent: self._start_collection,
            _MAP_END: self._end_collection,
            _LIST_END: self._end_collection,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document_start,
        }
        while type(event := parser.get_event()) is not yaml.StreamEndEvent:
            if handler := handlers.get(type(event)):
                handler(event)
        root = self._top.node
        return cast("Value", root[0]) if isinstance(root, ListNode) and root else MapNode()

    def _document_start(self, event: Any) -> None:
        if self._top.node:
            hint = "put what follows --- into a file of its own"
            raise _DocumentRejected(
                UnplacedError("several-documents", "this file holds more than one document", hint=hint),
                event.start_mark.index,
            )

    def _scalar(self, event: Any) -> None:
        frame = self._top
        self._count += 1
        offset = event.start_mark.index
        if event.tag is not None:
            self._reject_tag(event)
        if frame.key is None and type(frame.node) is MapNode:
            self._key(frame, event, offset)
            return
        value = self._value(event, offset) if event.tag is None else INVALID
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1, 0)
        self._put(value, offset)

    def _put(self, value: Value, offset: int) -> None:
        frame = self._top
        node = frame.node
        if type(node) is MapNode:
            if frame.key is not _DROPPED:
                node[frame.key] = value
                node.offsets[frame.key] = (frame.key_at, offset)
            frame.key = None
        else:
            cast("ListNode", node).append(value)
            cast("ListNode", node).offsets.append(offset)

    def _value(self, event: Any, offset: int) -> Value:
        text: str = event.value
        if not event.implicit[0]:
            return self._quoted(text, offset)
        if lookalike_syntax.is_curly_quoted(text):
            self._report(lookalike_syntax.lookalike_error(text[0]), self._document.locate(offset, text[0]))
            return INVALID
        resolved = self._resolve(text)
        if not isinstance(resolved, RejectedScalar):
            return resolved
        secret = isinstance(self._top.key, str) and self._document.may_be_secret(self._top.key)
        shown = "this plain value" if secret else f"the plain value {_shortened(text)}"
        hint = resolved.hint
        if words := self._document.choices.get(str(self._top.key)):
            hint = f"{hint}; the field {self._top.key} takes one of {', '.join(words)}"
        mistake = UnplacedError(resolved.code, f"{shown} is refused: {resolved.reading}", hint=hint)
        self._report(mistake, self._document.locate(offset, text))
        return INVALID

    def _resolve(self, text: str) -> Scalar | RejectedScalar:
        try:
            return self._resolved[text]
        except KeyError:
            return self._resolved.setdefault(text, resolve_scalar(text))

    def _quoted(self, text: str, offset: int) -> Value:
        if text.isprintable() or (found := UNSAFE.search(text)) is None:
            return text
        self._report(_control_character_error(found.group()), self._document.locate(offset))
        return INVALID

    def _key(self, frame: _Frame, event: Any, offset: int) -> None:
        key: str = event.value
        frame.key, frame.key_at = key, offset
        if event.implicit[0] and type(self._resolve(key)) is not str and key not in _BOOLEAN_LETTERS:
            mistake = _key_error(key)
        elif event.implicit[0] and (place := lookalike_syntax.find_in_key(key)) is not None:
            mistake, offset = lookalike_syntax.lookalike_error(key[place]), offset + place
        elif not key.isprintable() and (found := UNSAFE.search(key) or _BREAKS.search(key)):
            mistake = _control_character_error(found.group())
        elif key in frame.node:
            first = self._document.locate(cast("MapNode", frame.node).offsets[key][0])
            hint = f"keep one of the two; the first is at line {first.line}"
            mistake = UnplacedError("duplicate-key", f"the key {_shortened(key)} stands twice in this map", hint=hint)
        else:
            return
        self._report(mistake, self._document.locate(offset, key))
        # The key exists, but nobody knows with which value, so that nothing that refers to it is reported as well.
        cast("MapNode", frame.node)[key] = INVALID
        cast("MapNode", frame.node).offsets.setdefault(key, (offset, offset))
        frame.key = _DROPPED

    def _start_collection(self, event: Any) -> None:
        frame = self._top
        offset = event.start_mark.index
        if frame.key is None and type(frame.node) is MapNode:
            raise _DocumentRejected(complex_key_error(self._document.text, offset), offset)
        if event.tag is not None:
            self._reject_tag(event)
        self._count += 1
        node = MapNode() if type(event) is yaml.MappingStartEvent else ListNode()
        if event.anchor is not None:
            self._anchors[event.anchor] = (INVALID, 0, -1)
        self._put(node if event.tag is None else INVALID, offset)
        self._open.append(frame)
        if len(self._open) > DEPTH_LIMIT:
            raise _DocumentRejected(_depth_error(), offset)
        self._top = _Frame(node, event.anchor, self._count)

    def _end_collection(self, _event: Any) -> None:
        closed = self._top
        self._top = self._open.pop()
        height = closed.height + 1
        self._top.height = max(self._top.height, height)
        if closed.anchor is not None:
            self._anchors[closed.anchor] = (closed.node, self._count - closed.start_count + 1, height)

    def _alias(self, event: Any) -> None:
        offset = event.start_mark.index
        if self._top.key is None and type(self._top.node) is MapNode:
            raise _DocumentRejected(complex_key_error(self._document.text, offset), offset)
        value, size, height = self._anchors.get(event.anchor, (INVALID, 0, -2))
        if height < 0:
            why = "stands inside the value it names" if height == -1 else "names no anchor above it"
            name = self._document.mask_if_secret(f"*{event.anchor}", offset)
            raise _DocumentRejected(
                UnplacedError("yaml-alias", f"the alias {name} {why}", hint="write the value out"), offset
            )
        self._count += size
        if self._count > EXPANSION_LIMIT:
            summary = f"with its aliases followed, this file stands for more than {EXPANSION_LIMIT:,} values"
            raise _DocumentRejected(UnplacedError("yaml-too-large", summary, hint="use fewer aliases"), offset)
        if len(self._open) + height > DEPTH_LIMIT:
            raise _DocumentRejected(_depth_error(), offset)
        self._top.height = max(self._top.height, height)
        self._put(value, offset)

    def _report(self, mistake: UnplacedError, at: SourceRange) -> None:
        self._mistakes += 1
        if self._mistakes > MISTAKE_LIMIT:
            summary = f"this file has more than {MISTAKE_LIMIT:,} mistakes; the rest of it was not read"
            raise _DocumentRejected(
                UnplacedError("too-many-mistakes", summary, hint="mend those above, then run again"),
                len(self._document.text),
            )
        self._findings.add(mistake, at=at)

    def _reject_tag(self, event: Any) -> None:
        hint = 'leave the tag out; for a text that looks like a number write quotes: "1"'
        tag = self._document.mask_if_secret(_shortened(event.tag), event.start_mark.index)
        mistake = UnplacedError("yaml-tag", f"the tag {tag} is refused", hint=hint)
        self._report(mistake, self._document.locate(event.start_mark.index))


def _key_error(key: str) -> UnplacedError:
    if key == "<<":
        hint = "write the values out, or lay them under every resource with defaults: in stack.yaml"
        return UnplacedError("merge-key", "the merge key << is refused", hint=hint)
    return UnplacedError(
        "ambiguous-value",
        f"the key {_shortened(key)} is not a text for every reader",
        hint=f'write it as "{_shortened(key)}"',
    )


def _depth_error() -> UnplacedError:
    return UnplacedError(
        "yaml-too-deep", f"maps and lists nest more than {DEPTH_LIMIT} deep here", hint="flatten this value"
    )


def _control_character_error(character: str) -> UnplacedError:
    return UnplacedError(
        "control-character",
        f"the invisible character {character_name(character)} stands here",
        hint="delete it, or write the text without it",
    )


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}..."  # noqa: PLR2004 - enough to recognise it
