"""Paid terms of prepaid servers: a term as billing last showed it, and how soon the one of a server ends.

No list of servers shows a term.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from provisioner.model.address import Address


@dataclass(frozen=True, slots=True)
class Term:
    """`expires_at` is in milliseconds since the epoch; `renews` is whether the term then renews automatically. None:
    billing did not report it. `seen_at` is when billing was read, in milliseconds of the cloud's time.
    """

    expires_at: int | None
    renews: bool | None
    seen_at: int

    @property
    def end(self) -> str | None:
        """The end of the term as RFC 3339 in UTC; None if it is not known."""
        if self.expires_at is None:
            return None
        return f"{datetime.fromtimestamp(self.expires_at / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"

    def is_same_as(self, other: Term | None) -> bool:
        """Returns whether the terms are equal, apart from when they were read."""
        return other is not None and (self.expires_at, self.renews) == (other.expires_at, other.renews)

    def is_over(self, now: int) -> bool:
        """Returns whether the term has ended by `now` (milliseconds of the cloud's time), or its end is not known, so
        that it must be read again.
        """
        return self.expires_at is None or self.expires_at <= now


@dataclass(frozen=True, slots=True)
class Expiry:
    """When the paid term of one server ends, seen from `now`. `expires_at` and `now` are aware datetimes; `status` is
    billing's word for the subscription. None: billing did not report it.
    """

    address: Address
    id: str
    name: str
    now: datetime
    expires_at: datetime | None = None
    renews: bool | None = None
    status: str | None = None

    @property
    def days(self) -> int | None:
        """Whole days until the end of the term, rounded down; negative once the term is over."""
        return None if self.expires_at is None else (self.expires_at - self.now).days

    @property
    def hours(self) -> int:
        """Hours until the end of the term beyond the whole `days`."""
        return 0 if self.expires_at is None else (self.expires_at - self.now).seconds // 3600

    @property
    def is_known(self) -> bool:
        """Whether billing reported both when the term ends and whether it renews."""
        return self.expires_at is not None and self.renews is not None

    def is_within(self, seconds: float) -> bool:
        return self.expires_at is not None and (self.expires_at - self.now).total_seconds() <= seconds

    def ends_within(self, seconds: float) -> bool:
        """Returns whether the term ends within `seconds` and is not known to renew automatically."""
        return self.is_within(seconds) and self.renews is not True
