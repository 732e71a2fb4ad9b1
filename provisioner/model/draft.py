"""The spec of an existing server, before it is written to a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from provisioner.model.canonical import JsonObject, JsonValue


@dataclass(frozen=True, slots=True)
class Draft:
    """A spec to be written. `fields` are as a person would write them: None removes a default, and a secret is its
    reference. `remarks` become comments.
    """

    fields: Mapping[str, JsonValue]
    remarks: tuple[str, ...] = ()

    def with_missing(self, fields: JsonObject) -> Draft:
        """Returns the draft with those of `fields` that it lacks; nested objects are merged."""
        return Draft(_merge_missing(self.fields, fields), self.remarks)


def _merge_missing(own: JsonObject, additions: JsonObject) -> JsonObject:
    merged = dict(own)
    for key, value in additions.items():
        present = merged.get(key)
        if isinstance(present, Mapping) and isinstance(value, Mapping):
            merged[key] = _merge_missing(present, value)
        elif present is None:
            merged[key] = value
    return merged
