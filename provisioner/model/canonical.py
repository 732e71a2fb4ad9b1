"""The one written form of a value: equal values give equal bytes, so bytes can be compared, hashed and chained.

The only door to orjson. It knows JSON and nothing of what the JSON means.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

if TYPE_CHECKING:
    JsonValue: TypeAlias = "str | int | float | bool | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
    JsonObject: TypeAlias = Mapping[str, JsonValue]
else:
    # What was parsed as JSON is JSON: the codecs that read annotations at run time need not walk it again.
    JsonValue = Any
    JsonObject = dict[str, Any]

# Values of ours are written by their codecs: one that strays in here must not come out as JSON of its insides.
_COMPACT = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS
_READABLE = _COMPACT | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def canonical(value: object) -> bytes:
    """Compact UTF-8 JSON with sorted keys. Raises TypeError for what is no JSON (objects, integers beyond 64 bits); NaN becomes null."""
    return orjson.dumps(value, option=_COMPACT)


def readable(value: object) -> bytes:
    """The same order, indented by two and ended by a newline: for files that people open."""
    return orjson.dumps(value, option=_READABLE)


def parse_json(data: bytes | str) -> JsonValue:
    """Raises ValueError for anything but one JSON value; NaN and infinities are no JSON."""
    value: JsonValue = orjson.loads(data)
    return value


def digest(value: object) -> str:
    """SHA-256 of the canonical bytes, as 64 hex digits."""
    return hashlib.sha256(canonical(value)).hexdigest()
