"""What specs would say of a server that exists, before anybody has written it down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from provisioner.model.canonical import JsonValue


@dataclass(frozen=True, slots=True)
class Draft:
    """`fields` are written as a person would: None takes a default away, a secret is its reference. `remarks` become comments."""

    fields: Mapping[str, JsonValue]
    remarks: tuple[str, ...] = ()
