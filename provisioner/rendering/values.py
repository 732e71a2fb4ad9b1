"""Renders one redacted value, and masks the secrets in it.

A secret is recognised by its shape (`{"fingerprint": ...}`) or by its path, opaque content by `{"sha256": ...}`. What a
field means is not known here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import TypeGuard

from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.lookalikes import look_alike
from provisioner.model.resource import FieldPath
from provisioner.model.secret import HIDDEN
from provisioner.rendering.style import cut, escape, escape_all

LONGEST_VALUE = 512
"""In cells. It is long enough that different values are rarely cut to the same text. The JSON documents cut nothing."""

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_SHORT_DIGEST = 8


def is_secret(value: JsonValue) -> bool:
    return isinstance(value, Mapping) and value.keys() == {"fingerprint"}


def is_content(value: JsonValue) -> TypeGuard[JsonObject]:
    return isinstance(value, Mapping) and value.keys() == {"sha256"}


def is_block(value: JsonValue) -> TypeGuard[JsonObject]:
    """Returns whether a value is shown as a block of its own rather than after an equals sign."""
    return isinstance(value, Mapping) and bool(value) and not is_secret(value) and not is_content(value)


def is_hidden(path: FieldPath, hidden: Collection[FieldPath]) -> bool:
    """Returns whether `path` is one of the hidden paths, or below one."""
    return any(path[:length] in hidden for length in range(1, len(path) + 1))


def value_text(value: JsonValue) -> str:
    """Returns the value as one safe line, with strings in JSON's quotes."""
    return cut(_text(value), LONGEST_VALUE)


def pair_texts(before: JsonValue, after: JsonValue) -> tuple[str, str]:
    """Returns the texts of two values. Where the values differ, so do the texts to the eye."""
    one, other = value_text(before), value_text(after)
    if before == after or not (one == other or look_alike(_raw(before), _raw(after))):
        return one, other
    return tuple(cut(escape_all(_text(value)), LONGEST_VALUE) for value in (before, after))  # type: ignore[return-value]


def _raw(value: JsonValue) -> str:
    return value if isinstance(value, str) else _text(value)


def key_text(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) else value_text(key)


def path_text(path: FieldPath) -> str:
    return ".".join(map(key_text, path))


def _text(value: JsonValue) -> str:
    match value:
        case str():
            return escape(json.dumps(value, ensure_ascii=False))
        case Mapping() if is_secret(value):
            return HIDDEN
        case Mapping() if is_content(value):
            return f"(content, sha256 {escape(str(value['sha256'])[:_SHORT_DIGEST])})"
        case Mapping():
            members = ", ".join(f"{key_text(key)} = {_text(member)}" for key, member in sorted(value.items()))
            return f"{{ {members} }}" if members else "{}"
        case list() | tuple():
            return f"[{', '.join(map(_text, value))}]"
        case _:
            return json.dumps(value)


def leaves(value: JsonValue, path: FieldPath = ()) -> Iterator[tuple[FieldPath, JsonValue]]:
    """Yields the values that are not blocks, with their paths."""
    if is_block(value):
        for key, member in value.items():
            yield from leaves(member, (*path, key))
    elif path:
        yield path, value


def without(body: JsonObject, path: FieldPath) -> JsonObject:
    """Returns a copy without one value, and without the blocks that would be empty then."""
    step, *rest = path
    inner = body.get(step)
    if rest and is_block(inner) and (remaining := without(inner, tuple(rest))):
        return {**body, step: remaining}
    return {key: value for key, value in body.items() if key != step}


def masked(value: JsonValue, hidden: Collection[FieldPath] = (), *, path: FieldPath = ()) -> JsonValue:
    """Returns a copy in plain dicts and lists, with a placeholder for every secret."""
    if is_secret(value) or (value is not None and is_hidden(path, hidden)):
        return HIDDEN
    match value:
        case Mapping():
            return {key: masked(member, hidden, path=(*path, key)) for key, member in value.items()}
        case list() | tuple():
            return [masked(member, hidden, path=path) for member in value]
        case _:
            return value


def sensitive_mask(value: JsonValue, hidden: Collection[FieldPath] = (), *, path: FieldPath = ()) -> JsonValue:
    """Returns the shape of `value` with true for every secret, like Terraform's `after_sensitive`.

    Other values are left out.
    """
    if is_secret(value) or (value is not None and is_hidden(path, hidden)):
        return True
    match value:
        case Mapping():
            marks: JsonObject = {
                key: sensitive_mask(member, hidden, path=(*path, key)) for key, member in value.items()
            }
            return {key: mark for key, mark in marks.items() if mark}
        case list() | tuple() if any(sensitive_mask(member, hidden, path=path) for member in value):
            return [sensitive_mask(member, hidden, path=path) for member in value]
        case _:
            return False
