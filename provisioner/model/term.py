"""The paid term of a prepaid server, as billing last showed it. No list of servers shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


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
