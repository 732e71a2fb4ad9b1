"""Redacted bodies: secrets as fingerprints, long content as digests, the rest as it is. Only these may be recorded.

A body is a tree of fields. Redacting, comparing and showing need the same definition of a leaf, so it is here: anything
but an object, and also the objects `{"fingerprint": ...}` and `{"sha256": ...}`, which represent a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from provisioner.model.canonical import JsonObject, JsonValue, digest
from provisioner.model.resource import FieldPath, Fields, FieldValue
from provisioner.model.secret import SecretReference

FINGERPRINT = "fingerprint"
DIGEST = "sha256"


class Fingerprint(Protocol):
    """Returns a secret's fingerprint, or None if its value is not available now."""

    def __call__(self, reference: SecretReference, /) -> str | None: ...


def redact(fields: Fields, fingerprint: Fingerprint, is_content: Callable[[FieldPath], bool]) -> JsonObject:
    """Returns `fields` with secrets as fingerprints, and texts at paths where `is_content` is true as digests."""

    def redacted(path: FieldPath, value: FieldValue) -> JsonValue:
        match value:
            case SecretReference():
                return {FINGERPRINT: fingerprint(value)}
            case Mapping():
                return {key: redacted((*path, key), item) for key, item in value.items()}
            case tuple() | list():
                return [redacted(path, item) for item in value]
            case str() if is_content(path):
                return {DIGEST: digest(value)}
            case _:
                return value

    return {key: redacted((key,), value) for key, value in fields.items()}


def is_leaf(value: JsonValue) -> bool:
    return not isinstance(value, Mapping) or value.keys() in ({FINGERPRINT}, {DIGEST})


def leaves(body: JsonObject, path: FieldPath = ()) -> Iterator[tuple[FieldPath, JsonValue]]:
    """Yields the path and the value of every leaf of a body."""
    for key, value in body.items():
        if isinstance(value, Mapping) and not is_leaf(value):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def find_secrets(fields: Fields, path: FieldPath = ()) -> Iterator[tuple[FieldPath, SecretReference]]:
    """Yields the path and the reference of every secret that an object of `fields` holds."""
    for key, value in fields.items():
        if isinstance(value, SecretReference):
            yield (*path, key), value
        elif isinstance(value, Mapping):
            yield from find_secrets(value, (*path, key))


def with_fingerprints(body: JsonObject, fields: Fields, fingerprint: Fingerprint) -> JsonObject:
    """Returns `body`, made before its secrets' salt was known, with the fingerprints of the secrets in `fields`."""
    for path, reference in find_secrets(fields):
        if value_at(body, path) is not None:
            body = with_value(body, path, {FINGERPRINT: fingerprint(reference)})
    return body


def merge_fields(body: JsonObject, fields: JsonObject) -> JsonObject:
    """Returns `body` with top-level `fields` in place of its own; None removes a field."""
    return {key: value for key, value in {**body, **fields}.items() if value is not None}


def value_at(body: JsonObject, path: FieldPath) -> JsonValue:
    """Returns the value at a path; None if there is none."""
    value: JsonValue = body
    for step in path:
        # Parsed bodies are dicts; testing for that first is faster, and a plan does it a million times.
        if type(value) is not dict and not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


def with_value(body: JsonObject, path: FieldPath, value: JsonValue) -> JsonObject:
    """Returns `body` with the leaf at `path` set to `value`; None removes it. Missing objects are created."""
    if len(path) == 1:
        rest = {key: item for key, item in body.items() if key != path[0]}
        return rest if value is None else {**rest, path[0]: value}
    inner = body.get(path[0])
    child = with_value(inner if isinstance(inner, Mapping) else {}, path[1:], value)
    return {**body, path[0]: child} if child else {key: item for key, item in body.items() if key != path[0]}
