"""An approval: a short text that allows exactly one plan.

The text is `CREATED.EXPIRES.DUE.HEAD.HASH`; its last four digits are a checksum against typing errors. It has no
secret and no instruction: whoever applies it makes the plan again and only compares (docs/decisions/0030).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from provisioner.model.action import Action
from provisioner.model.address import Address
from provisioner.model.canonical import JsonObject, digest

UNKNOWN_DUE: Final = "-"
"""The amount due is unknown, because prices are not asked for yet."""

_HASH_DIGITS: Final = 40
_CHECK_DIGITS: Final = 4
_MOMENT: Final = "%Y%m%dT%H%M%SZ"
_TEXT: Final = re.compile(
    r"(\d{8}T\d{6}Z)\.(\d{8}T\d{6}Z)\.(-|\d{1,15}[A-Z]{3})\.(0|[1-9]\d{0,14}-[0-9a-f]{12})\.([0-9a-f]{40})([0-9a-f]{4})",
    re.ASCII,
)
_BUYING: Final = frozenset({Action.CREATE, Action.REPLACE})
_RELEASING: Final = frozenset({Action.DELETE, Action.REPLACE})


@dataclass(frozen=True, slots=True)
class Approval:
    """`created` and `expires` are seconds since the epoch by the cloud's clock. `due` is the most that may be due at once, in minor units
    with a currency. `head` is the last record of the journal then, `0` before the first, else its sequence and the first digits of its hash.
    `hash` covers all of this and what is approved.
    """

    created: int
    expires: int
    due: str
    head: str
    hash: str

    @classmethod
    def parse(cls, text: str) -> Approval:
        """Parses the text of an approval. Raises ValueError with the reason as a clause."""
        match = _TEXT.fullmatch(text.strip())
        if match is None:
            raise ValueError("is not a whole approval: an approval has five parts with dots between them")
        created, expires, due, head, hashed, check = match.groups()
        if check != _check(text.strip()[:-_CHECK_DIGITS]):
            raise ValueError("is mistyped: its last four digits do not fit the rest")
        try:
            return cls(_seconds(created), _seconds(expires), due, head, hashed)
        except ValueError:
            raise ValueError("is mistyped: it names a day that does not exist") from None

    def __str__(self) -> str:
        body = f"{_moment(self.created)}.{_moment(self.expires)}.{self.due}.{self.head}.{self.hash}"
        return body + _check(body)

    @property
    def head_sequence(self) -> int:
        """The number of the last record of the journal at that time; 0 before the first record."""
        return int(self.head.partition("-")[0])

    @classmethod
    def of(cls, content: JsonObject, *, created: int, expires: int, head: str, due: str = UNKNOWN_DUE) -> Approval:
        """Returns the approval of `content`, the result of `approved_content`."""
        return cls(created, expires, due, head, _hash(created, expires, due, head, content))

    def fits(self, content: JsonObject) -> bool:
        """Returns whether `content` is what was approved."""
        return self.hash == _hash(self.created, self.expires, self.due, self.head, content)


@dataclass(frozen=True, slots=True)
class ApprovedChange:
    """What an approval allows for one address.

    `id` is the server that is released, wiped, changed, taken over or forgotten, or its order if it has no id yet.
    `body` is the digest of what is wanted; empty if nothing is wanted.
    """

    address: Address
    action: Action
    id: str | None = None
    body: str = ""
    moved_from: Address | None = None
    manner: str = ""
    """The way in which it is done, if there are two: `create-first` or `let-go`."""

    @property
    def buys(self) -> bool:
        return self.action in _BUYING

    @property
    def releases(self) -> bool:
        return self.action in _RELEASING

    @property
    def wipes(self) -> bool:
        return self.action is Action.REINSTALL


@dataclass(frozen=True, slots=True)
class ApprovalUse:
    """An approval that a run has begun to carry out, and how much of it is used up: the addresses that were bought or
    wiped, and the ids of the servers that were released. It is part of the state until it expires.
    """

    approval: str
    changes: tuple[ApprovedChange, ...]
    scope: str = ""
    """The digest of the options, variables and settings that it was approved with."""
    bought: tuple[Address, ...] = ()
    wiped: tuple[Address, ...] = ()
    released: tuple[str, ...] = ()

    @property
    def is_spent(self) -> bool:
        """Returns whether nothing is left to buy, to wipe or to release."""
        bought, wiped, released = frozenset(self.bought), frozenset(self.wiped), frozenset(self.released)
        return not any(
            (change.buys and change.address not in bought)
            or (change.wipes and change.address not in wiped)
            or (change.releases and change.id not in released)
            for change in self.changes
        )


def _hash(created: int, expires: int, due: str, head: str, content: JsonObject) -> str:
    covered = {"created": created, "expires": expires, "due": due, "head": head, "content": content}
    return digest(covered)[:_HASH_DIGITS]


def _check(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:_CHECK_DIGITS]


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(_MOMENT)


def _seconds(text: str) -> int:
    return int(datetime.strptime(text, _MOMENT).replace(tzinfo=UTC).timestamp())
