"""The entry point of this package: connect once, open a channel for each worker, and send calls through it.

It only wires the other modules of the package together.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from provisioner.cloud.authentication import Authentication
from provisioner.cloud.authenticator import Authenticator
from provisioner.cloud.channel import Channel
from provisioner.cloud.clock import Clock
from provisioner.cloud.credentials import AssumedAgency, Credentials, InstanceAgency
from provisioner.cloud.endpoints import Endpoints
from provisioner.cloud.identification import GivenIdentity
from provisioner.cloud.key_exchange import METADATA
from provisioner.cloud.request_budget import RequestBudget, ThrottleListener
from provisioner.cloud.request_sender import RequestSender
from provisioner.cloud.server_time import ServerTime
from provisioner.cloud.token_cache import TokenFileCache
from provisioner.cloud.tokens import NoCache
from provisioner.cloud.tokens_and_keys import KEYS_ADVICE
from provisioner.cloud.translation import translate
from provisioner.model.caller import UNKNOWN_CALLER
from provisioner.model.diagnostic import CloudError, error
from provisioner.model.flow import CallFailed, Service
from provisioner.model.identity import Identity
from provisioner.model.mask import Mask
from provisioner.model.reading_progress import NOT_SHOWN, ReadingProgress
from provisioner.web import (
    HttpBackend,
    HttpNetwork,
    HttpTimeouts,
    LongReadingListener,
    NetworkSettings,
    SlowRequestListener,
    in_process,
)

_DEFAULT_TIMEOUTS: Final = HttpTimeouts()
_REAL_TIME: Final = Clock()
_SECONDS_BETWEEN_COUNTS: Final = 0.25


class Cloud:
    """A connection to the cloud for one run. Every state is compared with its `identity` before it is planned for."""

    def __init__(
        self,
        network: HttpNetwork,
        *,
        times: Mapping[Service, ServerTime],
        authentication: Authentication,
        endpoints: Endpoints,
        identity: Identity,
        budget: RequestBudget,
        clock: Clock,
        mask: Mask,
        user: str = "",
        keeps_time: bool = True,
        progress: ReadingProgress = NOT_SHOWN,
    ) -> None:
        self.identity = identity
        self.user = user
        """A pseudonym of the user; empty when the user is unknown."""
        self.keeps_time = keeps_time
        """Whether the cloud's clock advances like any other. False for an emulator whose clock is moved on purpose."""
        self.progress = progress
        """Tells a person who waits what is being read. Whoever reads something says so."""
        self.caller = UNKNOWN_CALLER
        """What is known of who uses the connection. Whoever opened it says so, and adds the names that were read."""
        self._mask = mask
        self.endpoints = endpoints
        self._network = network
        self._times = times
        self._authentication = authentication
        self._budget = budget
        self._clock = clock

    @property
    def requests(self) -> int:
        """The number of HTTP requests sent so far over all channels, including those for authentication."""
        return self._network.requests

    def time(self, service: Service = Service.MODELARTS) -> ServerTime:
        """The time of `service`, estimated from its own answers only."""
        return self._times[service]

    def utc(self) -> datetime:
        """Return the time of this connection's clock."""
        return self._clock.utc()

    def add_names(self, *, account: str | None = None, project: str | None = None) -> None:
        """Add names of the account and the project that were read from the cloud. None adds nothing."""
        known = self.caller
        self.caller = replace(
            known, account_name=account or known.account_name, project_name=project or known.project_name
        )

    @property
    def credentials_end(self) -> datetime | None:
        """When the credentials expire; None when they do not, or when that is unknown."""
        ends_at = self._authentication.ends_at
        return None if ends_at is None else datetime.fromtimestamp(ends_at, UTC)

    async def prepare_signing(self) -> None:
        """Get what is needed to sign purchases. Raises CloudError where they cannot be signed, and nothing is sent."""
        try:
            await self._authentication.prepare_signing()
        except CallFailed as failed:
            hint = f"nothing was bought; {KEYS_ADVICE}"
            raise CloudError(
                error("purchases-unsigned", f"no purchase can be signed: {failed.message}", hint=hint)
            ) from None

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[Channel]:
        """Open a channel for one worker."""
        async with self._network.transport() as transport:
            sender = RequestSender(
                transport,
                self._authentication,
                budget=self._budget,
                clock=self._clock,
                mask=self._mask,
                times=self._times,
            )
            yield Channel(sender, self.endpoints, self.identity, self._budget, self._mask)


@asynccontextmanager
async def connect(
    *,
    endpoints: Endpoints,
    credentials: Credentials,
    region: str,
    user_agent: str,
    project_id: str | None = None,
    project_name: str | None = None,
    domain_id: str | None = None,
    app: Any = None,
    backend: HttpBackend | None = None,
    timeouts: HttpTimeouts = _DEFAULT_TIMEOUTS,
    clock: Clock = _REAL_TIME,
    token_folder: Path | None = None,
    on_wait: ThrottleListener = lambda _seconds: None,
    on_slow_request: SlowRequestListener = lambda _line, _seconds: None,
    on_long_reading: LongReadingListener = lambda _line, _count, _seconds: None,
    mask: Mask | None = None,
    keeps_time: bool = True,
    user_named: str = "",
    progress: ReadingProgress = NOT_SHOWN,
) -> AsyncIterator[Cloud]:
    """Authenticate, find out account and project, and yield the connection that all channels share.

    Raises CloudError, UsageError.

    `app` is an ASGI application that replaces the cloud inside this process; `backend` replaces the network. Without a
    `token_folder` no token outlives the run. `on_wait` is called while a throttled request waits, `on_slow_request` for
    a request that stays unanswered, and `on_long_reading` when a series of requests takes long. `mask` removes the
    secrets that it knows from every answer, and learns those that are sent. `keeps_time` is False for an emulator whose
    clock is moved on purpose. `user_named` is the user's stable name for temporary credentials. `progress` is told
    several times a second how many requests were sent.
    """
    given = GivenIdentity(region, project_id, project_name, domain_id)
    network = HttpNetwork(
        NetworkSettings(
            base_urls=tuple(endpoints.url(service) for service in Service),
            user_agent=user_agent,
            timeouts=timeouts,
            backend=in_process(app) if app is not None else backend,
            direct_urls=(METADATA,) if _asks_metadata(credentials) else (),
            monotonic=clock.monotonic,
            on_slow_request=on_slow_request,
            on_long_reading=on_long_reading,
        )
    )
    times = {service: ServerTime(clock) for service in Service}
    budget = RequestBudget(clock, on_wait)
    mask = mask or Mask()
    async with network.transport() as transport, _counting_requests(network, progress):
        cache = TokenFileCache(token_folder) if token_folder else NoCache()
        authenticator = Authenticator(transport, endpoints, given, budget, clock, cache, mask, times)
        try:
            signed_in = await authenticator.sign_in(credentials, user_named)
        except CallFailed as failed:
            raise translate(failed, "finding out the account and the project") from None
        yield Cloud(
            network,
            times=times,
            authentication=signed_in.authentication,
            endpoints=endpoints,
            identity=signed_in.identity,
            budget=budget,
            clock=clock,
            mask=mask,
            user=signed_in.user,
            keeps_time=keeps_time,
            progress=progress,
        )


@asynccontextmanager
async def _counting_requests(network: HttpNetwork, progress: ReadingProgress) -> AsyncIterator[None]:
    """Tell `progress` how many requests were sent, also while one of them is not answered yet."""
    if not progress.is_shown:
        yield
        return

    async def count() -> None:
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_COUNTS)
            progress.count_requests(network.requests)

    counting = asyncio.create_task(count())
    try:
        yield
    finally:
        counting.cancel()


def _asks_metadata(credentials: Credentials) -> bool:
    base = credentials.base if isinstance(credentials, AssumedAgency) else credentials
    return isinstance(base, InstanceAgency)
