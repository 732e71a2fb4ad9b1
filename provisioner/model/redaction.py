"""Bodies as they may be written down: secrets as fingerprints, long content as digests, the rest as it is.

A body is a tree of fields. What a leaf of it is must be one notion for redacting, comparing and showing, so it stands
here once: anything but an object, and the objects `{"fingerprint": ...}` and `{"sha256": ...}` that stand for a value.
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
    """A secret's fingerprint, or None when its value cannot be had here and now."""

    def __call__(self, reference: SecretReference, /) -> str | None: ...


def redact(fields: Fields, fingerprint: Fingerprint, is_content: Callable[[FieldPath], bool]) -> JsonObject:
    def written(path: FieldPath, value: FieldValue) -> JsonValue:
        match value:
            case SecretReference():
                return {FINGERPRINT: fingerprint(value)}
            case Mapping():
                return {key: written((*path, key), item) for key, item in value.items()}
            case tuple() | list():
                return [written(path, item) for item in value]
            case str() if is_content(path):
                return {DIGEST: digest(value)}
            case _:
                return value

    return {key: written((key,), value) for key, value in fields.items()}


def is_leaf(value: JsonValue) -> bool:
    return not isinstance(value, Mapping) or value.keys() in ({FINGERPRINT}, {DIGEST})


def leaves(body: JsonObject, path: FieldPath = ()) -> Iterator[tuple[FieldPath, JsonValue]]:
    for key, value in body.items():
        if isinstance(value, Mapping) and not is_leaf(value):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def secrets_in(fields: Fields, path: FieldPath = ()) -> Iterator[tuple[FieldPath, SecretReference]]:
    for key, value in fields.items():
        if isinstance(value, SecretReference):
            yield (*path, key), value
        elif isinstance(value, Mapping):
            yield from secrets_in(value, (*path, key))


def with_fingerprints(body: JsonObject, fields: Fields, fingerprint: Fingerprint) -> JsonObject:
    """`body` with the fingerprints of the secrets that it has and `fields` tell: where it was made nobody knew their salt."""
    for path, reference in secrets_in(fields):
        if value_at(body, path) is not None:
            body = with_value(body, path, {FINGERPRINT: fingerprint(reference)})
    return body


def merge_fields(body: JsonObject, fields: JsonObject) -> JsonObject:
    """`body` with top-level `fields` in the place of its own; None takes one away."""
    return {key: value for key, value in {**body, **fields}.items() if value is not None}


def value_at(body: JsonObject, path: FieldPath) -> JsonValue:
    """The value at a path; None where there is none."""
    value: JsonValue = body
    for step in path:
        if type(value) is not dict and not isinstance(
            value, Mapping
        ):  # what was parsed is a dict, and asked a million times a plan
            return None
        value = value.get(step)
    return value


def with_value(body: JsonObject, path: FieldPath, value: JsonValue) -> JsonObject:
    """`body` with one leaf put in; None takes it out, and objects are made on the way."""
    if len(path) == 1:
        rest = {key: item for key, item in body.items() if key != path[0]}
        return rest if value is None else {**rest, path[0]: value}
    inner = body.get(path[0])
    child = with_value(inner if isinstance(inner, Mapping) else {}, path[1:], value)
    return {**body, path[0]: child} if child else {key: item for key, item in body.items() if key != path[0]}
