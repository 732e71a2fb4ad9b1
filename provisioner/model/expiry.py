"""Until when one prepaid server is paid for, as somebody who must not lose it asks: how soon, and does it go on by itself?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from provisioner.model.address import Address


@dataclass(frozen=True, slots=True)
class Expiry:
    """`expires_at` and `now` are aware; what billing does not tell is None. `status` is billing's word for where it stands."""

    address: Address
    id: str
    name: str
    now: datetime
    expires_at: datetime | None = None
    renews: bool | None = None
    status: str | None = None

    @property
    def days(self) -> int | None:
        """Whole days that are left, rounded down: below 0 it is over."""
        return None if self.expires_at is None else (self.expires_at - self.now).days

    @property
    def hours(self) -> int:
        """Beyond the whole days."""
        return 0 if self.expires_at is None else (self.expires_at - self.now).seconds // 3600

    @property
    def is_known(self) -> bool:
        """Both when it ends and what happens then."""
        return self.expires_at is not None and self.renews is not None

    def is_within(self, seconds: float) -> bool:
        return self.expires_at is not None and (self.expires_at - self.now).total_seconds() <= seconds

    def ends_within(self, seconds: float) -> bool:
        """It is not known to go on by itself."""
        return self.is_within(seconds) and self.renews is not True
