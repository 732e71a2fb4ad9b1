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


@dataclass(frozen=True, slots=True)
class OutputChange:
    """How one output changes. `before` and `after` are None where the value is absent, not known, or sensitive: a plan
    may be saved, and a saved plan holds no secret. `was_known` and `is_known` tell these apart.
    """

    name: str
    before: JsonValue = field(default=None, repr=False)
    after: JsonValue = field(default=None, repr=False)
    was_known: bool = False
    """Whether the output has a value now."""
    is_known: bool = True
    """Whether the value after the apply is known already."""
    is_dropped: bool = False
    """Whether the output has no value any more after the apply."""
    sensitive: bool = False
