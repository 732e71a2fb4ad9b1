"""The entry point of this package: connect once, open a channel for each worker, and send calls through it.

It only wires the other modules of the package together.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, assert_never

from provisioner.cloud.authentication import Anonymous, Authentication, Signer
from provisioner.cloud.channel import Channel
from provisioner.cloud.clock import Clock
from provisioner.cloud.credentials import AccessKey, Credentials, InstanceAgency, IssuedToken, Password
from provisioner.cloud.endpoints import Endpoints
from provisioner.cloud.identification import GivenIdentity, identify_by_list, identify_by_token
from provisioner.cloud.request import Request
from provisioner.cloud.request_budget import RequestBudget, ThrottleListener
from provisioner.cloud.request_sender import RequestSender
from provisioner.cloud.server_time import ServerTime
from provisioner.cloud.temporary_keys import METADATA, TemporaryKeys, instance_metadata_request, token_exchange_request
from provisioner.cloud.token_cache import TokenFileCache
from provisioner.cloud.tokens import NoCache, Scope, TokenCache, Tokens
from provisioner.cloud.translation import translate
from provisioner.cloud.user_pseudonym import pseudonym_of, pseudonym_of_token
from provisioner.model.caller import UNKNOWN_CALLER
from provisioner.model.flow import CallFailed, Service
from provisioner.model.identity import Identity
from provisioner.model.mask import Mask
from provisioner.web import (
    HttpBackend,
    HttpNetwork,
    HttpTimeouts,
    HttpTransport,
    LongReadingListener,
    NetworkSettings,
    SlowRequestListener,
    in_process,
)

_DEFAULT_TIMEOUTS: Final = HttpTimeouts()
_REAL_TIME: Final = Clock()


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
    ) -> None:
        self.identity = identity
        self.user = user
        """A pseudonym of the user; empty when the user is unknown."""
        self.keeps_time = keeps_time
        """Whether the cloud's clock advances like any other. False for an emulator whose clock is moved on purpose."""
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
) -> AsyncIterator[Cloud]:
    """Authenticate, find out account and project, and yield the connection that all channels share.

    Raises CloudError, UsageError.

    `app` is an ASGI application that replaces the cloud inside this process; `backend` replaces the network. Without a
    `token_folder` no token outlives the run. `on_wait` is called while a throttled request waits, `on_slow_request` for
    a request that stays unanswered, and `on_long_reading` when a series of requests takes long. `mask` removes the
    secrets that it knows from every answer, and learns those that are sent. `keeps_time` is False for an emulator whose
    clock is moved on purpose. `user_named` is the user's stable name for temporary credentials.
    """
    given = GivenIdentity(region, project_id, project_name, domain_id)
    network = HttpNetwork(
        NetworkSettings(
            base_urls=tuple(endpoints.url(service) for service in Service),
            user_agent=user_agent,
            timeouts=timeouts,
            backend=in_process(app) if app is not None else backend,
            direct_urls=(METADATA,) if isinstance(credentials, InstanceAgency) else (),
            monotonic=clock.monotonic,
            on_slow_request=on_slow_request,
            on_long_reading=on_long_reading,
        )
    )
    times = {service: ServerTime(clock) for service in Service}
    budget = RequestBudget(clock, on_wait)
    mask = mask or Mask()
    async with network.transport() as transport:
        cache = TokenFileCache(token_folder) if token_folder else NoCache()
        authenticator = _Authenticator(transport, endpoints, given, budget, clock, cache, mask, times)
        try:
            authentication, identity = await authenticator.authenticate(credentials)
            user = await authenticator.user_of(credentials, user_named)
        except CallFailed as failed:
            raise translate(failed, "finding out the account and the project") from None
        yield Cloud(
            network,
            times=times,
            authentication=authentication,
            endpoints=endpoints,
            identity=identity,
            budget=budget,
            clock=clock,
            mask=mask,
            user=user,
            keeps_time=keeps_time,
        )


@dataclass(frozen=True, slots=True)
class _Authenticator:
    """Turns credentials into an authentication, and finds the identity and the user that they belong to."""

    transport: HttpTransport
    endpoints: Endpoints
    given: GivenIdentity
    budget: RequestBudget
    clock: Clock
    cache: TokenCache
    mask: Mask
    times: Mapping[Service, ServerTime]

    async def authenticate(self, credentials: Credentials) -> tuple[Authentication, Identity]:
        match credentials:
            case AccessKey():
                return await self._by_list(Signer(credentials, self.clock))
            case IssuedToken():
                advice = (
                    "check HW_AUTH_TOKEN: a token ends a day after it was given, or when its user's password changes"
                )
                return await self._by_list(self._temporary(token_exchange_request(credentials, self.endpoints), advice))
            case InstanceAgency():
                advice = "check that this machine is a cloud server, and the agency that it has"
                return await self._by_list(self._temporary(instance_metadata_request(), advice))
            case Password():
                tokens = self._tokens(credentials)
                return tokens, await identify_by_token(self.given, tokens)
            case _:
                assert_never(credentials)

    async def user_of(self, credentials: Credentials, named: str) -> str:
        if isinstance(credentials, IssuedToken) and not named:
            return await pseudonym_of_token(credentials, self.endpoints, self._sender(Anonymous("")).send)
        return pseudonym_of(credentials, named)

    async def _by_list(self, authentication: Authentication) -> tuple[Authentication, Identity]:
        channel = Channel(self._sender(authentication), self.endpoints, None, self.budget, self.mask)
        return authentication, await identify_by_list(self.given, channel.ask)

    def _temporary(self, request: Request, advice: str) -> TemporaryKeys:
        return TemporaryKeys(request, advice=advice, send=self._sender(Anonymous(advice)).send, clock=self.clock)

    def _tokens(self, user: Password) -> Tokens:
        given = self.given
        account = (
            {"id": given.domain_id} if given.domain_id else {"name": user.domain_name} if user.domain_name else None
        )
        return Tokens(
            user,
            scopes={
                Scope.PROJECT: {"id": given.project_id} if given.project_id else {"name": given.name},
                **({Scope.ACCOUNT: account} if account else {}),
            },
            endpoints=self.endpoints,
            send=self._sender(Anonymous(Tokens.advice)).send,
            clock=self.clock,
            cache=self.cache,
        )

    def _sender(self, authentication: Authentication) -> RequestSender:
        return RequestSender(
            self.transport, authentication, budget=self.budget, clock=self.clock, mask=self.mask, times=self.times
        )
