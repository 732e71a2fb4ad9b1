"""A value that a stack hands to whoever works with its servers: worked out when it is asked for, and recorded nowhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from provisioner.model.canonical import JsonValue


@dataclass(frozen=True, slots=True)
class OutputValue:
    """`known` is false while a server that it is made of is not there yet; `value` is null then."""

    name: str
    value: JsonValue = field(repr=False)
    known: bool = True
    sensitive: bool = False
    description: str = ""
