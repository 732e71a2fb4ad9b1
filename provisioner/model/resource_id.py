"""Ids of servers: texts that are equal in any letter case. Pure.

A cloud may show an id in another letter case than it answered with: UUIDs are written in lower case and read in any
case (RFC 9562, section 4). Every type of the model passes such ids through here, so that two spellings of one id are
equal by `==`, in sets and as keys (docs/decisions/0013).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable
from typing import Any, Final

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class _CaseInsensitiveId(str):
    """An id that is not in lower case. It equals its other spellings, and hashes as the lower-case plain str."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self.casefold() == other.casefold() if isinstance(other, str) else NotImplemented

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.casefold())


def resource_id(text: str) -> str:
    """Returns the id in its own spelling, comparable in any case. One in lower case, as nearly all are, stays a str."""
    return text if type(text) is _CaseInsensitiveId or text == text.casefold() else _CaseInsensitiveId(text)


def resource_ids(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(resource_id, texts))


def coerce_ids(holder: object, *fields: str) -> None:
    """Passes `fields` through `resource_id`, in `__post_init__` of a frozen value. Each is an id, ids, or None."""
    for name in fields:
        value: Any = getattr(holder, name)
        if isinstance(value, tuple):
            converted: Any = resource_ids(value)
            is_unchanged = all(map(operator.is_, converted, value))
        else:
            converted = value if value is None else resource_id(value)
            is_unchanged = converted is value
        if not is_unchanged:
            object.__setattr__(holder, name, converted)


def request_spelling(identifier: str) -> str:
    """Returns the spelling to send: lower case for a UUID, and any other id unchanged."""
    return identifier.lower() if _UUID.fullmatch(identifier) else str(identifier)


class HasId:
    """The base of frozen values with the `id` of a server."""

    __slots__ = ()

    def __post_init__(self) -> None:
        coerce_ids(self, "id")
