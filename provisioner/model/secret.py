"""Secrets: references in specs and plans, and values only at the moment of sending.

Neither prints, pickles or serialises its content. `secrets/` reads the values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NoReturn

HIDDEN = "(sensitive)"
CHOOSE_YOUR_OWN = "choose a variable of its own, such as GATEWAY_PASSWORD"
_RESERVED = ("HW_", "HUAWEICLOUD_", "OS_", "PROVISIONER_", "PGPASS", "PGSSL", "ACTIONS_", "CI_JOB_")
"""PG: of the database that keeps the state. The last two are where GitHub and GitLab keep what a job can get tokens with."""


def is_reserved(variable: str) -> bool:
    """Returns whether an environment variable may hold the user's own credentials. No spec may send those anywhere."""
    return variable.startswith(_RESERVED)


class Secret:
    """A value that never prints. `reveal` is called only where the value is sent or fingerprinted."""

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
    """A reference to a secret. `locator` is the name of a variable or the path of a file in the stack; a literal has
    its value in `literal` instead.
    """

    source: SecretSource
    locator: str
    literal: Secret | None = field(default=None)

    def __str__(self) -> str:
        return HIDDEN if self.source is SecretSource.LITERAL else f"{self.source}:{self.locator}"
