"""A cloud made of plain functions, and a clock that only tests move."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from provisioner.cloud import AccessKey, Clock, Cloud, connect, region_endpoints
from provisioner.model.secret import Secret

REGION = "cn-north-4"
NOON = 1_767_268_800.0
"""2026-01-01 12:00:00 UTC."""

Handler = Callable[[httpx.Request], httpx.Response] | Callable[[httpx.Request], Awaitable[httpx.Response]]
Connect = Callable[..., AbstractAsyncContextManager[Cloud]]


@dataclass
class MovableTime:
    """Sleeping moves it and is written down."""

    seconds: float = NOON
    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds

    def clock(self) -> Clock:
        return Clock(now=lambda: self.seconds, monotonic=lambda: self.seconds, sleep=self.sleep, chance=lambda: 1.0)


@pytest.fixture
def time() -> MovableTime:
    return MovableTime()


@pytest.fixture
def connect_to(time: MovableTime) -> Connect:
    """Connects to a handler as a known identity, so that its first request is the test's own."""

    def connected(handler: Handler, **changes: Any) -> AbstractAsyncContextManager[Cloud]:
        surroundings: dict[str, Any] = {
            "endpoints": region_endpoints(REGION),
            "credentials": AccessKey("EXAMPLEAK0000000001", Secret("canary-secret-key")),
            "region": REGION,
            "project_id": "project-1",
            "domain_id": "account-1",
            "user_agent": "provisioner/test",
            "backend": httpx.MockTransport(handler),
            "clock": time.clock(),
        }
        return connect(**surroundings | changes)

    return connected
