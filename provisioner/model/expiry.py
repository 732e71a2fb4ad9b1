"""When the paid term of one prepaid server ends, and whether it renews automatically."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from provisioner.model.address import Address


@dataclass(frozen=True, slots=True)
class Expiry:
    """`expires_at` and `now` are aware datetimes, `status` is billing's word for the subscription. None: unknown."""

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
