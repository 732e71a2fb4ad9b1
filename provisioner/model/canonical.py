"""The canonical JSON form of a value: equal values give equal bytes, so bytes can be compared, hashed and chained.

This is the only module that imports orjson. It does not know what the JSON means.
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
    # Parsed JSON needs no second validation by the codecs that read these annotations at run time.
    JsonValue = Any
    JsonObject = dict[str, Any]

# Dataclasses have codecs of their own; one that is passed in here by mistake raises TypeError instead of being dumped.
_COMPACT = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS
_READABLE = _COMPACT | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def canonical(value: object) -> bytes:
    """Returns compact UTF-8 JSON with sorted keys. NaN becomes null. Raises TypeError for values that JSON can't hold
    (objects, integers beyond 64 bits).
    """
    return orjson.dumps(value, option=_COMPACT)


def readable(value: object) -> bytes:
    """Returns the same JSON indented by two and ending with a newline, for files that people open."""
    return orjson.dumps(value, option=_READABLE)


def parse_json(data: bytes | str) -> JsonValue:
    """Parses one JSON value. Raises ValueError for anything else; NaN and infinities are not JSON."""
    value: JsonValue = orjson.loads(data)
    return value


def digest(value: object) -> str:
    """Returns the SHA-256 of the canonical bytes as 64 hex digits."""
    return hashlib.sha256(canonical(value)).hexdigest()
