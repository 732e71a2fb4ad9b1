"""Lays a stack's defaults under a resource: maps merge, scalars and lists replace, null takes a default away.

Works on trees before templates are worked out, so that a default is worked out as the resource it serves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from provisioner.model.resource import FieldPath

CONTENT_FORMS = ("text", "template", "base64")
"""The ways to give a content field: alternatives, so a resource's own way replaces a default's other way."""


def laid_under(defaults: Mapping[str, Any], own: Mapping[str, Any], contents: frozenset[FieldPath]) -> dict[str, Any]:
    return _merged(defaults, own, (), contents)


def empty_over(defaults: Mapping[str, Any], own: Mapping[str, Any], path: FieldPath = ()) -> Iterator[FieldPath]:
    """The empty maps of a resource's own that lie over a default's members, and so take nothing away."""
    for key, value in own.items():
        under = defaults.get(key)
        if isinstance(under, dict) and under and isinstance(value, dict):
            if value:
                yield from empty_over(under, value, (*path, key))
            else:
                yield (*path, key)


def without_nulls(value: Any) -> Any:
    """A copy in which keys without a value are absent, as they are on the wire."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def _merged(
    below: Mapping[str, Any], above: Mapping[str, Any], path: FieldPath, contents: frozenset[FieldPath]
) -> dict[str, Any]:
    chosen = path in contents and any(form in above for form in CONTENT_FORMS)
    merged = {key: value for key, value in below.items() if not (chosen and key in CONTENT_FORMS)}
    for key, value in above.items():
        under = merged.get(key)
        both = isinstance(under, dict) and isinstance(value, dict)
        merged[key] = _merged(under, value, (*path, key), contents) if both and under is not None else value
    return merged
