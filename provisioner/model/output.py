"""An output of a stack: a value for the users of its servers, computed on request and never recorded."""

from __future__ import annotations

from dataclasses import dataclass, field

from provisioner.model.canonical import JsonValue


@dataclass(frozen=True, slots=True)
class OutputValue:
    """The value of one output. `known` is False, and `value` None, while a server that it depends on does not exist."""

    name: str
    value: JsonValue = field(repr=False)
    known: bool = True
    sensitive: bool = False
    description: str = ""
