"""Renders one redacted value, and masks the secrets in it.

A secret is recognised by its shape (`{"fingerprint": ...}`) or by its path, opaque content by `{"sha256": ...}`. What a
field means is not known here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TypeGuard

from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.lookalikes import look_alike
from provisioner.model.resource import FieldPath
from provisioner.model.secret import HIDDEN
from provisioner.rendering.style import Style, beginning, cells, escape, escape_all, pad

LONGEST_VALUE = 512
"""In cells, for the values of a plan on a terminal. Everywhere else a value is shown whole."""
_SHORTENED = 240
_BEFORE_DIFFERENCE = 40
_TELLING_DIGITS = 12

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_SHORT_DIGEST = 8
_INDENT = "  "


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
    return _text(value)


def pair_texts(before: JsonValue, after: JsonValue) -> tuple[str, str]:
    """Returns the texts of two values. Where the values differ, so do the texts to the eye."""
    one, other = value_text(before), value_text(after)
    if before == after or not (one == other or look_alike(_raw(before), _raw(after))):
        return one, other
    one, other = escape_all(one), escape_all(other)
    return (one, other) if one != other else (_text(before, digits=None), _text(after, digits=None))


def shortened(text: str, *, start: int = 0) -> str:
    """Returns the text of a value, or a part of a very long one with the length and the digest of the whole.

    The digest tells it from all others. `start` is the first character of the part.
    """
    if cells(text) <= LONGEST_VALUE:
        return text
    quote = '"' if text.startswith('"') else ""
    whole = text[1:-1] if quote else text
    part = beginning(whole[start:], _SHORTENED)
    digest = hashlib.sha256(text.encode()).hexdigest()[:_TELLING_DIGITS]
    return f"{quote}{'...' if start else ''}{part}...{quote} ({len(whole):,} characters, sha256 {digest})"


def shortened_pair(before: str, after: str) -> tuple[str, str]:
    """Returns the texts of two values, shortened to where they begin to differ."""
    same = next((at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), 0)
    start = max(same - _BEFORE_DIFFERENCE, 0) if same > _SHORTENED else 0
    return shortened(before, start=start), shortened(after, start=start)


def value_lines(value: JsonValue) -> Iterator[str]:
    """Yields the value as safe lines, whole, with an item of a list and a member of an object on each, as Terraform does."""
    match value:
        case Mapping() if is_block(value):
            texts = {key_text(key): [*value_lines(member)] for key, member in value.items()}
            width = max((cells(key) for key, lines in texts.items() if len(lines) == 1), default=0)
            yield "{"
            for key, (first, *rest) in texts.items():
                yield f"{_INDENT}{key if rest else pad(key, width)} = {first}"
                yield from (f"{_INDENT}{line}" for line in rest)
            yield "}"
        case list() | tuple() if value:
            yield "["
            for item in value:
                *lines, last = value_lines(item)
                yield from (f"{_INDENT}{line}" for line in (*lines, f"{last},"))
            yield "]"
        case _:
            yield _text(value)


def assignment_lines(values: Mapping[str, Sequence[str]], style: Style) -> Iterator[str]:
    """Yields `name = value` for the lines of each value. The equals signs of values on one line are aligned."""
    names = {name: escape(name) for name in values}
    width = max((cells(names[name]) for name, lines in values.items() if len(lines) == 1), default=0)
    for name, (first, *rest) in values.items():
        yield f"{style.bold(names[name] if rest else pad(names[name], width))} = {first}"
        yield from rest


def _raw(value: JsonValue) -> str:
    return value if isinstance(value, str) else _text(value)


def key_text(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) else value_text(key)


def path_text(path: FieldPath) -> str:
    return ".".join(map(key_text, path))


def _text(value: JsonValue, *, digits: int | None = _SHORT_DIGEST) -> str:
    """Returns the text of the value. `digits` of the digest of a content are shown; all of them where it is None."""
    match value:
        case str():
            return escape(json.dumps(value, ensure_ascii=False))
        case Mapping() if is_secret(value):
            return HIDDEN
        case Mapping() if is_content(value):
            return f"(content, sha256 {escape(str(value['sha256'])[:digits])})"
        case Mapping():
            members = ", ".join(
                f"{key_text(key)} = {_text(member, digits=digits)}" for key, member in sorted(value.items())
            )
            return f"{{ {members} }}" if members else "{}"
        case list() | tuple():
            return f"[{', '.join(_text(item, digits=digits) for item in value)}]"
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
