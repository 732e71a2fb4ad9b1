"""Limits the rate of requests: one budget for the account, shared by all workers of a run and learnt from the cloud's
own refusals.

Rate limits are not published (docs/api/devserver-api.md section 5.3), so no request waits until a service answers 429.
From then on the requests to that service go one after the other: no sooner than it asks for, and no faster than the
limit that its gateway names.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from provisioner.cloud.clock import Clock
from provisioner.cloud.failures import Limit
from provisioner.cloud.retry_policy import back_off
from provisioner.model.flow import Service

LONGEST_PAUSE: Final = 60.0
"""The longest pause in seconds, whatever a server asks for."""

REPORT_FROM: Final = 5.0
"""Waits of at least this many seconds are reported to the listener."""

_SHARE: Final = 0.9
"""The share of a gateway's limit that a run uses. The rest is left to consoles and colleagues."""

_WINDOW_PARTS: Final = 8
"""The first wait is the limit's window divided by this, because the window may have begun long ago.

It doubles with every refusal.
"""

_REPORT_INTERVAL: Final = 10.0
"""Seconds between two reports of one wait."""
_NEGLIGIBLE: Final = 0.001
"""Seconds that are too short to wait, as rounding may leave them."""

ThrottleListener: TypeAlias = Callable[[float], None]
"""Called during a long wait with the seconds that remain."""


@dataclass(slots=True)
class _Bucket:
    """The token bucket of one service. Times are the clock's monotonic seconds."""

    queue: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the request that waits next; all others wait for this lock."""
    closed_at: float = float("-inf")
    opens_at: float = float("-inf")
    consecutive_refusals: int = 0
    """Refusals since the last success."""
    capacity: float = 0.0
    available: float = 0.0
    filled_at: float = 0.0
    rate: float = float("inf")
    """Requests per second; infinite while no limit is known."""

    def wait_seconds(self, now: float) -> float:
        """Return the seconds until the next request may be sent."""
        if self.rate == float("inf"):
            return max(0.0, self.opens_at - now)
        self.available = min(self.capacity, self.available + (now - self.filled_at) * self.rate)
        self.filled_at = now
        return max(0.0, self.opens_at - now, (1.0 - self.available) / self.rate)

    def apply_limit(self, limit: Limit, now: float) -> None:
        """Adopt a limit that a gateway named. Capacity and refill together never exceed it within its window."""
        self.rate = _SHARE * limit.requests / limit.seconds
        self.capacity = max(1.0, (1 - _SHARE) * limit.requests)
        self.available, self.filled_at = 0.0, now


class RequestBudget:
    """The request budget of the account. `on_wait` is called during long waits."""

    def __init__(self, clock: Clock, on_wait: ThrottleListener) -> None:
        self._clock = clock
        self._on_wait = on_wait
        self._buckets = {service: _Bucket() for service in Service}

    async def acquire(self, service: Service) -> None:
        """Wait until a request to `service` may be sent. Requests are admitted in the order of their calls."""
        bucket = self._buckets[service]
        async with bucket.queue:
            while (wait := bucket.wait_seconds(self._clock.monotonic())) > _NEGLIGIBLE:
                if wait >= REPORT_FROM:
                    self._on_wait(wait)
                await self._clock.sleep(min(wait, _REPORT_INTERVAL))
            bucket.available -= 1.0

    def succeeded(self, service: Service, *, sent_at: float) -> None:
        """Note that the service accepted a request that was sent at `sent_at`, in the clock's monotonic seconds."""
        bucket = self._buckets[service]
        if sent_at >= bucket.closed_at:
            bucket.consecutive_refusals = 0

    def throttled(self, service: Service, *, sent_at: float, limit: Limit | None, retry_after: float | None) -> None:
        """Note that the service refused a request that was sent at `sent_at`, in the clock's monotonic seconds."""
        bucket, now = self._buckets[service], self._clock.monotonic()
        if sent_at >= bucket.closed_at:  # else it was under way already, and its refusal says nothing new
            bucket.consecutive_refusals += 1
            bucket.closed_at = now
        if limit is not None:
            bucket.apply_limit(limit, now)
        if retry_after is None and limit is not None:
            retry_after = min(limit.seconds, limit.seconds / _WINDOW_PARTS * 2.0 ** (bucket.consecutive_refusals - 1))
        pause = max(back_off(bucket.consecutive_refusals, self._clock), retry_after or 0.0)
        bucket.opens_at = max(bucket.opens_at, now + min(pause, LONGEST_PAUSE))
