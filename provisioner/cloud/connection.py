"""What the other rooms see of the cloud: connect once, open a channel for each worker, send calls through it.

Puts the parts of this room together and does nothing that one of them could do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
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
    """`identity` is what every state is compared with before it is planned for."""

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
        """Who sends and reads, by a pseudonym; empty where nobody can tell."""
        self.keeps_time = keeps_time
        """Its clock goes as those of other machines do: nobody moves it."""
        self._mask = mask
        self.endpoints = endpoints
        self._network = network
        self._times = times
        self._authentication = authentication
        self._budget = budget
        self._clock = clock

    @property
    def requests(self) -> int:
        """HTTP requests sent so far, over all channels, signing in included."""
        return self._network.requests

    def time(self, service: Service = Service.MODELARTS) -> ServerTime:
        """As this service's own answers have told it so far; no other one's are taken for it."""
        return self._times[service]

    @property
    def credentials_end(self) -> datetime | None:
        """None for credentials that do not end, or whose end nobody has told."""
        ends_at = self._authentication.ends_at
        return None if ends_at is None else datetime.fromtimestamp(ends_at, UTC)

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[Channel]:
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
    """Find out who we are, and keep what all channels share. Raises CloudError, UsageError.

    `app` is an ASGI application that takes the cloud's place inside this process; `backend` takes the network's. Without
    a `token_folder` no token outlives the run. `on_wait` is told while the cloud makes us wait, `on_slow_request` of requests that no
    answer comes to, `on_long_reading` of many that go on for long. `mask` takes out of every answer what it knows as a secret, and learns what is sent. An emulator whose clock is moved
    on purpose does not keep time. `user_named` says whose temporary credentials are.
    """
    given = GivenIdentity(region, project_id, project_name, domain_id)
    network = HttpNetwork(
        NetworkSettings(
            base_urls=tuple(endpoints.of(service) for service in Service),
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
    """From credentials to a proof that can be used, and to whom they belong."""

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
