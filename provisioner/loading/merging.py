"""Merges a stack's defaults with a resource: maps merge, scalars and lists replace, null removes a default.

Merging precedes templates, so that the templates of a default are evaluated in the scope of each resource.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from provisioner.model.resource import FieldPath

CONTENT_FORMS = ("text", "template", "file", "base64")
"""The alternative forms of a content field. A form in the resource replaces a different form in the defaults."""


def merge_defaults(
    defaults: Mapping[str, Any], own: Mapping[str, Any], contents: frozenset[FieldPath]
) -> dict[str, Any]:
    """Returns `own` merged over `defaults`. `contents`: the paths of the content fields."""
    return _merge(defaults, own, (), contents)


def empty_overrides(defaults: Mapping[str, Any], own: Mapping[str, Any], path: FieldPath = ()) -> Iterator[FieldPath]:
    """Yields the paths of empty maps in `own` that have no effect, because they merge with a map in `defaults`."""
    for key, value in own.items():
        default = defaults.get(key)
        if isinstance(default, dict) and default and isinstance(value, dict):
            if value:
                yield from empty_overrides(default, value, (*path, key))
            else:
                yield (*path, key)


def without_nulls(value: Any) -> Any:
    """Returns a copy without the keys whose value is null, as they are not sent either."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def _merge(
    defaults: Mapping[str, Any], own: Mapping[str, Any], path: FieldPath, contents: frozenset[FieldPath]
) -> dict[str, Any]:
    form_replaced = path in contents and any(form in own for form in CONTENT_FORMS)
    merged = {key: value for key, value in defaults.items() if not (form_replaced and key in CONTENT_FORMS)}
    for key, value in own.items():
        default = merged.get(key)
        both_maps = isinstance(default, dict) and isinstance(value, dict)
        merged[key] = _merge(default, value, (*path, key), contents) if both_maps and default is not None else value
    return merged
