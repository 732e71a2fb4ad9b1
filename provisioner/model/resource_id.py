"""Ids of servers: text that is the same id in any letter case. Pure.

A cloud may show an id in other letters than it answered it with: UUIDs are written in lower case and read in any (RFC 9562, section 4). Whatever
of the model holds such an id passes it through here, so that comparing two of them, be it by `==`, in a set or as a key, can't miss one
another (docs/decisions/0013).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable
from typing import Any, Final

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class _InOtherLetters(str):
    """An id that is not in lower case: it equals itself in any case, and hashes as its lower-case spelling, which is plain text."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self.casefold() == other.casefold() if isinstance(other, str) else NotImplemented

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.casefold())


def resource_id(text: str) -> str:
    """The id as it is spelt. Nearly all are in lower case, and stay the plain text that they are."""
    return text if type(text) is _InOtherLetters or text == text.casefold() else _InOtherLetters(text)


def resource_ids(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(resource_id, texts))


def coerce_ids(holder: object, *fields: str) -> None:
    """For `__post_init__` of a frozen value whose `fields` are ids, or tuples of ids, where they are there."""
    for name in fields:
        value: Any = getattr(holder, name)
        if isinstance(value, tuple):
            held: Any = resource_ids(value)
            is_held = all(map(operator.is_, held, value))
        else:
            held = value if value is None else resource_id(value)
            is_held = held is value
        if not is_held:
            object.__setattr__(holder, name, held)


def request_spelling(identifier: str) -> str:
    """The spelling to send: of a UUID the lower-case one, whichever was recorded or shown; of any other id the one that is at hand."""
    return identifier.lower() if _UUID.fullmatch(identifier) else str(identifier)


class HasId:
    """A frozen value with the `id` of a server."""

    __slots__ = ()

    def __post_init__(self) -> None:
        coerce_ids(self, "id")
