"""One value of the configuration that is in force, and where it is from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

Scalar: TypeAlias = str | int | bool | None


class OriginType(StrEnum):
    DEFAULT = "default"
    FILE = "file"
    VARIABLE = "variable"
    OPTION = "option"


@dataclass(frozen=True, slots=True)
class Origin:
    """`place` is the file with its line and column, the name of the environment variable, or the option. A default has
    none.
    """

    type: OriginType
    place: str = ""

    def __str__(self) -> str:
        return self.place or self.type.value


DEFAULT_ORIGIN = Origin(OriginType.DEFAULT)


@dataclass(frozen=True, slots=True)
class ConfiguredValue:
    """A value by its name, as `guards.max_servers`. It is never a secret; None means that nothing is set."""

    name: str
    value: Scalar
    origin: Origin = DEFAULT_ORIGIN
