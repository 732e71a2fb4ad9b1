"""One budget of requests for the account, shared by all workers of a run, and learnt from the cloud's own refusals.

Limits are not published (docs/api/devserver-api.md section 5.3), so nothing is held back until a service answers 429. From then
on its requests go one after the other: no sooner than it asks for, and no faster than the limit that its gateway names.
Knows neither what is sent nor what a refusal means for it.
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
"""Seconds, whatever a server asks for: then it is asked again."""

REPORT_FROM: Final = 5.0
"""Seconds from which on somebody who watches should be told."""

_SHARE: Final = 0.9
"""Of a limit that a gateway names; the rest is left to consoles and colleagues."""

_PARTS: Final = 8
"""A window of a gateway's limit may have begun long ago, so its eighth is waited first, then the double."""

_REPORT_INTERVAL: Final = 10.0
_NEGLIGIBLE: Final = 0.001
"""Seconds that are not worth a wait: what is left of one by rounding."""

ThrottleListener: TypeAlias = Callable[[float], None]
"""Told the seconds that a long wait has still to go."""


@dataclass(slots=True)
class _Bucket:
    """Of one service. Moments are the clock's monotonic seconds."""

    queue: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the one who waits; the others queue for it."""
    closed_at: float = float("-inf")
    opens_at: float = float("-inf")
    consecutive_refusals: int = 0
    """One after the other, as far as we know."""
    capacity: float = 0.0
    available: float = 0.0
    filled_at: float = 0.0
    rate: float = float("inf")
    """Requests a second; while it is infinite there is no limit to keep."""

    def wait(self, now: float) -> float:
        """Seconds until the next request may go."""
        if self.rate == float("inf"):
            return max(0.0, self.opens_at - now)
        self.available = min(self.capacity, self.available + (now - self.filled_at) * self.rate)
        self.filled_at = now
        return max(0.0, self.opens_at - now, (1.0 - self.available) / self.rate)

    def apply_limit(self, limit: Limit, now: float) -> None:
        """A whole bucket and what drips in meanwhile never exceed the limit together."""
        self.rate = _SHARE * limit.requests / limit.seconds
        self.capacity = max(1.0, (1 - _SHARE) * limit.requests)
        self.available, self.filled_at = 0.0, now


class RequestBudget:
    def __init__(self, clock: Clock, on_wait: ThrottleListener) -> None:
        self._clock = clock
        self._on_wait = on_wait
        self._buckets = {service: _Bucket() for service in Service}

    async def acquire(self, service: Service) -> None:
        """Returns when a request to `service` may be sent, in the order of asking."""
        bucket = self._buckets[service]
        async with bucket.queue:
            while (wait := bucket.wait(self._clock.monotonic())) > _NEGLIGIBLE:
                if wait >= REPORT_FROM:
                    self._on_wait(wait)
                await self._clock.sleep(min(wait, _REPORT_INTERVAL))
            bucket.available -= 1.0

    def succeeded(self, service: Service, *, sent_at: float) -> None:
        bucket = self._buckets[service]
        if sent_at >= bucket.closed_at:
            bucket.consecutive_refusals = 0

    def throttled(self, service: Service, *, sent_at: float, limit: Limit | None, retry_after: float | None) -> None:
        """The service refused a request that was sent at `sent_at`, by the clock's monotonic seconds."""
        bucket, now = self._buckets[service], self._clock.monotonic()
        if sent_at >= bucket.closed_at:  # else it was on its way already: no news of how long to wait
            bucket.consecutive_refusals += 1
            bucket.closed_at = now
        if limit is not None:
            bucket.apply_limit(limit, now)
        if retry_after is None and limit is not None:
            retry_after = min(limit.seconds, limit.seconds / _PARTS * 2.0 ** (bucket.consecutive_refusals - 1))
        pause = max(back_off(bucket.consecutive_refusals, self._clock), retry_after or 0.0)
        bucket.opens_at = max(bucket.opens_at, now + min(pause, LONGEST_PAUSE))
