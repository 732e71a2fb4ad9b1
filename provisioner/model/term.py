"""What billing last told of a term that is paid for in advance: a fact about money, which no list of servers shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Term:
    """`expires_at` is in milliseconds since the epoch, `renews` whether the term is bought again by itself then; None: billing
    did not tell. `seen_at` is when it was told, in milliseconds of the cloud's time.
    """

    expires_at: int | None
    renews: bool | None
    seen_at: int

    @property
    def end(self) -> str | None:
        """RFC 3339 in UTC."""
        if self.expires_at is None:
            return None
        return f"{datetime.fromtimestamp(self.expires_at / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"

    def is_same_as(self, other: Term | None) -> bool:
        """But for when it was told."""
        return other is not None and (self.expires_at, self.renews) == (other.expires_at, other.renews)

    def is_over(self, now: int) -> bool:
        """By `now` something else must have become of it, or nobody knows when it ends. In milliseconds of the cloud's time."""
        return self.expires_at is None or self.expires_at <= now
