"""JSON documents that this tool writes and reads back: parsed strictly, and sealed, so that any edit is detected.

State files and saved plans are such documents.

The seal is the key `checksum`: the SHA-256 of the canonical bytes of the rest. A document has exactly one byte form,
and any other form of the same content is refused too, so the seal covers every byte. The seal detects accidents and
careless edits; it does not prove who wrote the document, because anyone can compute SHA-256. This module does not know
what a document means.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from provisioner.model.canonical import JsonObject, JsonValue, canonical, digest, parse_json, readable

Value = TypeVar("Value")

FORMAT = 2
"""Format 2 added the purchases presumed absent to the state. Format 1 is still read: what it lacks has a default."""

STRICT = ConfigDict(extra="forbid", strict=True)


class Damaged(ValueError):  # noqa: N818 - names what the reader of the file meets
    """The document can't be used. The message is a clause that follows the file's name."""


class FromNewerVersion(Damaged):
    """The document is intact, but this version of the tool can't read it."""


def seal(content: JsonObject, *, tool: str) -> bytes:
    """Returns the sealed bytes of a document. `tool` is the version that writes it, shown to users of older ones."""
    document: dict[str, JsonValue] = {**content, "format": FORMAT, "tool": tool}
    return readable({**document, "checksum": digest(document)})


def unseal(data: bytes, *, any_layout: bool = False) -> dict[str, JsonValue]:
    """Returns the content of a sealed document. Raises Damaged if the document is not exactly what `seal` wrote.

    With `any_layout` only its content must be that, so another program may have printed it anew.
    """
    document = _parsed(data)
    _require_format(document)
    checksum = document.pop("checksum", None)
    try:
        if checksum != digest(document):
            raise Damaged(_repetition(data) or "has a checksum that does not fit its content, so it was altered")
        if not any_layout and readable({**document, "checksum": checksum}) != data:
            raise Damaged(_repetition(data) or "was rewritten by something else, because its layout is not this tool's")
    except TypeError as problem:
        raise Damaged(f"holds what this tool never writes: {problem}") from problem
    return {key: value for key, value in document.items() if key not in {"format", "tool"}}


def to_json(adapter: TypeAdapter[tuple[Value]], value: Value) -> JsonObject:
    """Converts a value to JSON. Read-only mappings become objects too, although pydantic knows only dict."""
    written: JsonObject = adapter.dump_python((value,), mode="json", warnings=False, fallback=dict)[0]
    return written


def from_json(adapter: TypeAdapter[tuple[Value]], content: JsonObject) -> Value:
    """Converts JSON to a value. Raises Damaged, or FromNewerVersion for a field that this version does not know."""
    # Validated as bytes, because only for JSON bytes strict mode accepts text for an enum and an array for a tuple.
    try:
        return adapter.validate_json(canonical([content]))[0]
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"][1:])
        kind = FromNewerVersion if first["type"] in {"unexpected_keyword_argument", "extra_forbidden"} else Damaged
        raise kind(f"is not understood by this version of the tool at {place}: {first['msg']}") from problem


def _parsed(data: bytes) -> dict[str, JsonValue]:
    if not data.strip():
        raise Damaged("is empty")
    if b"\0" in data:
        raise Damaged("holds NUL bytes, as a disk leaves behind after a power loss")
    try:
        document = parse_json(data)
    except ValueError as problem:
        raise Damaged(f"is no JSON: {problem}") from problem
    if not isinstance(document, dict):
        raise Damaged("is JSON, but no object")
    return document


def _require_format(document: Mapping[str, JsonValue]) -> None:
    match document.get("format"):
        case bool() | None:
            raise Damaged("does not say its format")
        case int(number) if 1 <= number <= FORMAT:
            return
        case int(number) if number > FORMAT:
            raise FromNewerVersion(
                f"has format {number}, written by version {document.get('tool', 'unknown')} of this tool; "
                f"this version reads format {FORMAT}"
            )
        case other:
            raise Damaged(f"has the unknown format {other!r}")


def _repetition(data: bytes) -> str | None:
    """Describes a key that occurs twice in one object, if any: it hides a value, and most parsers accept it."""
    repeated: list[str] = []

    def collect(pairs: list[tuple[str, Any]]) -> None:
        repeated.extend(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)

    json.loads(data, object_pairs_hook=collect)
    return f"has the key {repeated[0]!r} twice in one object" if repeated else None
