"""What specs would say of a server that exists, before anybody has written it down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from provisioner.model.canonical import JsonObject, JsonValue


@dataclass(frozen=True, slots=True)
class Draft:
    """`fields` are written as a person would: None takes a default away, a secret is its reference. `remarks` become comments."""

    fields: Mapping[str, JsonValue]
    remarks: tuple[str, ...] = ()

    def with_missing(self, fields: JsonObject) -> Draft:
        """With what somebody else knows of it beyond what stands here; objects merge."""
        return Draft(_merged(self.fields, fields), self.remarks)


def _merged(own: JsonObject, others: JsonObject) -> JsonObject:
    merged = dict(own)
    for key, value in others.items():
        mine = merged.get(key)
        if isinstance(mine, Mapping) and isinstance(value, Mapping):
            merged[key] = _merged(mine, value)
        elif mine is None:
            merged[key] = value
    return merged
