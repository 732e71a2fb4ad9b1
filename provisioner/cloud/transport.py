"""The one door to httpx: sends one request once and says what came back, or whether it may have left at all.

Nothing is retried or followed here, and nothing is understood: an answer is a status, headers and bytes. Which outcome a
silence means for a purchase is decided by what had been written when it fell (docs/api/devserver-api.md section 5.3).
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import httpx

from provisioner.cloud.clock import Clock
from provisioner.cloud.endpoints import Endpoints, is_loopback
from provisioner.cloud.patience import Patience, Unanswered
from provisioner.cloud.request import Request
from provisioner.cloud.server_time import ServerTime
from provisioner.model.diagnostic import UsageError, error
from provisioner.model.flow import Effect, Service

MAX_ANSWER: Final = 32 * 1024 * 1024
"""Bytes, after decompression."""

_IDLE_SECONDS: Final = 1.0
"""A purchase goes over a connection idle for less than this or over a new one: no server has closed it behind our back."""

_REASONS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (ssl.SSLError, "TLS failed"),
    (socket.gaierror, "its name does not resolve"),
    (ConnectionRefusedError, "connection refused"),
    (ConnectionError, "connection reset"),
    (httpx.PoolTimeout, "all connections were busy"),
    (httpx.ConnectTimeout, "no connection in time"),
    (httpx.TimeoutException, "time-out"),
    (TimeoutError, "time-out"),
)

Transport: TypeAlias = httpx.AsyncBaseTransport


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds. An answer that comes in drops is never silent, so that whole exchanges end, too: `read` those that ask, whose answers
    may be long, `change` all others.
    """

    connect: float = 10.0
    silence: float = 60.0
    pool: float = 10.0
    read: float = 120.0
    change: float = 60.0
    sign_of_life: float = 10.0
    """After which, and then again and again, whoever watches is told what is waited for."""

    def total(self, effect: Effect) -> float:
        return self.read if effect is Effect.READ else self.change


@dataclass(frozen=True, slots=True)
class Answer:
    """Header names are in lower case. `fault` says why the body is not whole; it is empty when the body is."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    fault: str = ""

    @property
    def is_success(self) -> bool:
        return httpx.codes.is_success(self.status)

    @property
    def is_fresh(self) -> bool:
        """Whether the service has given it for this very request: a cache says how old an answer is (RFC 9111, section 5.1), and a
        refusal may come from whatever stands before the service.
        """
        return self.is_success and "age" not in self.headers

    @property
    def server_time(self) -> int | None:
        """The Date header in milliseconds since the epoch."""
        try:
            return int(parsedate_to_datetime(self.headers["date"]).timestamp() * 1000)
        except (KeyError, ValueError, OverflowError):
            return None


class NoAnswer(Exception):  # noqa: N818 - a fact about the wire, which the floor above turns into an error
    """`may_have_left` is False only when provably not a byte of the request was written."""

    def __init__(self, reason: str, *, may_have_left: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.may_have_left = may_have_left


class Network:
    """Makes the wires of one run: they share the TLS context and the count of requests, and nothing else."""

    def __init__(
        self,
        endpoints: Endpoints,
        *,
        user_agent: str,
        timeouts: Timeouts,
        clock: Clock,
        transport: Transport | None = None,
        direct: str | None = None,
        unanswered: Unanswered = lambda _line, _seconds: None,
    ) -> None:
        """`direct`: the base URL of one more place that is never asked through a proxy. `unanswered` is told what has been waited
        for all too long.
        """
        self.patience = Patience(clock, timeouts.sign_of_life, unanswered)
        self.requests = 0
        self.times = {service: ServerTime(clock) for service in Service}
        self.timeouts = timeouts
        self.answered: set[str] = set()
        """Origins that have answered in this run, with whatever status."""
        self._urls = (endpoints.modelarts, endpoints.billing, endpoints.identity)
        self._direct = (*filter(is_loopback, self._urls), *([direct] if direct else []))
        self._clock = clock
        self._user_agent = user_agent
        self._transport = transport

    @asynccontextmanager
    async def wire(self) -> AsyncIterator[Wire]:
        """A wire with a client of its own: one that many workers share slows down as they grow in number."""
        async with self._client() as client:
            yield Wire(client, self)

    def _client(self) -> httpx.AsyncClient:
        # Both log what must stay secret: httpcore every header of an answer, a fresh token among them.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        try:
            return httpx.AsyncClient(
                transport=self._transport,
                verify=self._tls,
                # A mount of None means "no proxy": what goes to this machine never leaves it.
                mounts={_host_pattern(url): None for url in self._direct},
                headers={"User-Agent": self._user_agent, "Accept": "application/json"},
                limits=httpx.Limits(max_connections=4, max_keepalive_connections=1, keepalive_expiry=_IDLE_SECONDS),
                follow_redirects=False,
            )
        except (ImportError, ValueError, httpx.InvalidURL):
            hint = (
                "check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY: http:// and https:// proxies are supported, SOCKS is not"
            )
            raise UsageError(
                error("proxy-invalid", "the proxy that the environment names cannot be used", hint=hint)
            ) from None

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        if self._transport is None and any(url.startswith("https:") for url in self._urls):
            return _trusting_context()
        # Loading the trusted roots costs as much as a hundred requests; a context without any trusts nobody.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Wire:
    """One HTTP client."""

    def __init__(self, client: httpx.AsyncClient, network: Network) -> None:
        self._client = client
        self._network = network

    def has_answered(self, request: Request) -> bool:
        """Whether its service has answered anything yet, on any wire of this run."""
        return request.origin in self._network.answered

    async def exchange(self, request: Request, headers: Mapping[str, str]) -> Answer:
        """Send once. Raises NoAnswer when no status came back."""
        self._network.requests += 1
        try:
            async with asyncio.timeout(self._network.timeouts.total(request.effect)):
                with self._network.patience.waiting(request.line):
                    async with self._client.stream(
                        request.method,
                        request.url,
                        headers=dict(headers),
                        content=request.body,
                        timeout=self._timeout(),
                    ) as response:
                        self._network.answered.add(request.origin)
                        body, fault = await _read(response)
                        answer = Answer(response.status_code, dict(response.headers), body, fault)
                        if answer.is_fresh:
                            self._network.times[request.service].hear(answer.server_time)
                        return answer
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as failure:
            raise NoAnswer(_reason(failure), may_have_left=False) from None
        except (httpx.RequestError, OSError) as failure:
            raise NoAnswer(_reason(failure), may_have_left=True) from None

    def _timeout(self) -> httpx.Timeout:
        seconds = self._network.timeouts
        return httpx.Timeout(seconds.silence, connect=seconds.connect, pool=seconds.pool)


def in_process(app: Any) -> Transport:
    """A transport that calls an ASGI application. One that raises has answered 500, as behind a real server."""
    return httpx.ASGITransport(app=app, raise_app_exceptions=False)


async def _read(response: httpx.Response) -> tuple[bytes, str]:
    """The body as far as it came, and what cut it short."""
    received = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            received += chunk
            if len(received) > MAX_ANSWER:
                return b"", f"it is larger than {MAX_ANSWER // 1024**2} MiB"
    except (httpx.RequestError, OSError) as failure:
        return bytes(received), f"it broke off ({_reason(failure)})"
    return bytes(received), ""


def _trusting_context() -> ssl.SSLContext:
    try:
        return httpx.create_ssl_context()
    except OSError as problem:
        summary = f"the trusted certificates cannot be read: {problem.strerror or problem.args[-1]}"
        raise UsageError(error("certificates-invalid", summary, hint="check SSL_CERT_FILE and SSL_CERT_DIR")) from None


def _host_pattern(url: str) -> str:
    host = urlsplit(url).hostname or ""
    return f"all://[{host}]" if ":" in host else f"all://{host}"


def _reason(failure: BaseException) -> str:
    """In words. The libraries' own texts are used last: they say "All connection attempts failed" to everything."""
    if isinstance(failure, httpx.ProxyError):
        return f"the proxy refused: {failure}"
    for cause in _causes(failure):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}"
        for kind, reason in _REASONS:
            if isinstance(cause, kind):
                return reason
    return str(failure) or "connection lost"


def _causes(failure: BaseException) -> Iterator[BaseException]:
    pending: list[BaseException | None] = [failure]
    while pending:
        if (cause := pending.pop(0)) is not None:
            yield cause
            grouped = cause.exceptions if isinstance(cause, BaseExceptionGroup) else ()
            pending += [*grouped, cause.__cause__ or cause.__context__]
