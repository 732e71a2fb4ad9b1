"""Secrets as the project passes them around: a reference everywhere, a value only at the moment of sending.

Neither prints, pickles nor serialises its content. Where the value comes from is the business of the secrets room.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NoReturn

HIDDEN = "(sensitive)"
CHOOSE_YOUR_OWN = "choose a variable of its own, such as GATEWAY_PASSWORD"
_RESERVED = ("HW_", "HUAWEICLOUD_", "OS_", "PROVISIONER_")


def is_reserved(variable: str) -> bool:
    """Whether an environment variable may hold the credentials of whoever runs this: no spec may send those anywhere."""
    return variable.startswith(_RESERVED)


class Secret:
    """A value that never prints. `reveal` is called where it is sent or fingerprinted, and nowhere else."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    __str__ = __repr__

    def __format__(self, _specification: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is never written anywhere")


class SecretSource(StrEnum):
    ENVIRONMENT = "env"
    FILE = "file"
    LITERAL = "literal"


@dataclass(frozen=True, slots=True)
class SecretReference:
    """`locator` is a variable's name or a file's path inside the stack; a literal keeps its value in `literal` instead."""

    source: SecretSource
    locator: str
    literal: Secret | None = field(default=None)

    def __str__(self) -> str:
        return HIDDEN if self.source is SecretSource.LITERAL else f"{self.source}:{self.locator}"
