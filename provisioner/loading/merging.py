"""Lays a stack's defaults under a resource: maps merge, scalars and lists replace, null takes a default away.

Works on trees before templates are worked out, so that a default is worked out as the resource it serves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from provisioner.model.resource import FieldPath

CONTENT_FORMS = ("text", "template", "base64")
"""The ways to give a content field: alternatives, so a resource's own way replaces a default's other way."""


def merge_defaults(
    defaults: Mapping[str, Any], own: Mapping[str, Any], contents: frozenset[FieldPath]
) -> dict[str, Any]:
    return _merge(defaults, own, (), contents)


def empty_overrides(defaults: Mapping[str, Any], own: Mapping[str, Any], path: FieldPath = ()) -> Iterator[FieldPath]:
    """The empty maps of a resource's own that lie over a default's members, and so take nothing away."""
    for key, value in own.items():
        default = defaults.get(key)
        if isinstance(default, dict) and default and isinstance(value, dict):
            if value:
                yield from empty_overrides(default, value, (*path, key))
            else:
                yield (*path, key)


def without_nulls(value: Any) -> Any:
    """A copy in which keys without a value are absent, as they are on the wire."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def _merge(
    below: Mapping[str, Any], above: Mapping[str, Any], path: FieldPath, contents: frozenset[FieldPath]
) -> dict[str, Any]:
    form_replaced = path in contents and any(form in above for form in CONTENT_FORMS)
    merged = {key: value for key, value in below.items() if not (form_replaced and key in CONTENT_FORMS)}
    for key, value in above.items():
        default = merged.get(key)
        both_maps = isinstance(default, dict) and isinstance(value, dict)
        merged[key] = _merge(default, value, (*path, key), contents) if both_maps and default is not None else value
    return merged
