"""Sends one HTTP request once and reports the answer, or whether the request may have left this machine.

Nothing is retried, redirected or interpreted here: an answer is a status, headers and bytes. Whether a request without
an answer may have been carried out depends on how much of it had been written when the connection failed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cached_property
from ipaddress import ip_address
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import httpx

from provisioner.model.diagnostic import UsageError, error
from provisioner.model.flow import LONGEST_CHANGE
from provisioner.web.failure_reasons import reason_of
from provisioner.web.proxies import ProxyChoice, choose_proxies
from provisioner.web.slow_requests import LongReadingListener, SlowRequestListener, SlowRequestWatch

MAX_ANSWER: Final = 32 * 1024 * 1024
"""Maximum size of an answer's body in bytes, after decompression."""

_IDLE_SECONDS: Final = 1.0
"""No request, least of all a purchase, reuses a connection idle for longer: the server may have closed it unnoticed."""

_LIMITS: Final = httpx.Limits(max_connections=4, max_keepalive_connections=1, keepalive_expiry=_IDLE_SECONDS)

HttpBackend: TypeAlias = httpx.AsyncBaseTransport
"""Receives requests in place of the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTimeouts:
    """Time-outs in seconds.

    `silence` ends an exchange in which no byte arrives. A server that sends its answer byte by byte never triggers it,
    so `read` and `change` limit the whole exchange: `read` for requests that only read, whose answers may be long, and
    `change` for all others.
    """

    connect: float = 10.0
    silence: float = 60.0
    pool: float = 10.0
    read: float = 120.0
    change: float = LONGEST_CHANGE
    report_interval: float = 10.0
    """How often the listener is called with a request that is still unanswered."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request as it is sent. `url` is complete and percent-encoded."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False, default=b"")
    only_reads: bool = False
    """Whether the request changes nothing at the server. If so, the longer time-out `read` applies to the exchange."""

    @property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def line(self) -> str:
        """Method and path, as messages show them."""
        return f"{self.method} {urlsplit(self.url).path}"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer. Header names are in lower case. `fault` says why the body is incomplete; it is empty otherwise."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    fault: str = ""

    @property
    def is_success(self) -> bool:
        return httpx.codes.is_success(self.status)

    @property
    def is_fresh(self) -> bool:
        """Whether the service itself produced this answer for this request.

        A cache adds an Age header (RFC 9111, section 5.1), where 0 means that it fetched the answer just now. A refusal
        does not count, because it may come from whatever is in front of the service.
        """
        return self.is_success and self.headers.get("age", "0").strip() == "0"

    @property
    def trusted_time(self) -> tuple[int | None, str]:
        """The service's own time in milliseconds since the epoch; or None and why, as a predicate of "the answers"."""
        if not self.is_fresh:
            return None, "come from a cache, as their Age header says"
        if self.server_time is None:
            return None, "carry a Date header that cannot be read" if "date" in self.headers else "carry no Date header"
        return self.server_time, ""

    @property
    def server_time(self) -> int | None:
        """The Date header in milliseconds since the epoch; None when it is missing or unreadable."""
        try:
            return int(parsedate_to_datetime(self.headers["date"]).timestamp() * 1000)
        except (KeyError, ValueError, OverflowError):
            return None


class NoAnswer(Exception):  # noqa: N818 - a fact about one exchange, which callers turn into an error
    """No answer came. `may_have_left` is False only when it is certain that no byte of the request was written."""

    def __init__(self, reason: str, *, may_have_left: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.may_have_left = may_have_left


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """Settings that all connections of a run share.

    `base_urls` are the servers that requests go to. Requests to `direct_urls`, and to servers of `base_urls` on this
    machine, bypass any proxy of the environment. `backend` replaces the network. `on_slow_request` is called when a
    request waits long for its answer, `on_long_reading` when a series of requests takes long, by the clock `monotonic`.
    """

    base_urls: tuple[str, ...]
    user_agent: str
    timeouts: HttpTimeouts = HttpTimeouts()
    backend: HttpBackend | None = None
    direct_urls: tuple[str, ...] = ()
    monotonic: Callable[[], float] = time.monotonic
    on_slow_request: SlowRequestListener = lambda _line, _seconds: None
    on_long_reading: LongReadingListener = lambda _line, _count, _seconds: None


class HttpNetwork:
    """Opens HTTP clients that share the TLS context, the request count and the record of which servers have answered."""

    def __init__(self, settings: NetworkSettings) -> None:
        self.settings = settings
        self.slow_requests = SlowRequestWatch(
            settings.monotonic, settings.timeouts.report_interval, settings.on_slow_request, settings.on_long_reading
        )
        self.requests = 0
        self.answered: set[str] = set()
        """Origins that have answered in this run, with any status."""

    @asynccontextmanager
    async def transport(self) -> AsyncIterator[HttpTransport]:
        """Open a client for one worker. A client shared by many workers becomes slower the more there are."""
        async with self._client() as client:
            yield HttpTransport(client, self)

    def _client(self) -> httpx.AsyncClient:
        # Both log secrets: httpcore logs every header of an answer, including a new token.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        settings = self.settings
        return httpx.AsyncClient(
            transport=settings.backend,
            verify=self._tls,
            mounts={_host_pattern(url): self._proxied(proxy) for url, proxy in self._proxies.items()},
            trust_env=False,  # httpx would refuse a proxy that no request goes through, and knows no networks in NO_PROXY
            headers={"User-Agent": settings.user_agent, "Accept": "application/json"},
            limits=_LIMITS,
            follow_redirects=False,
        )

    @cached_property
    def _proxies(self) -> Mapping[str, ProxyChoice]:
        """The proxies by the URLs of the servers behind them. Requests to this machine never leave it."""
        settings = self.settings
        distant = (url for url in settings.base_urls if not is_loopback(url) and url not in settings.direct_urls)
        return choose_proxies(distant, os.environ) if settings.backend is None else {}

    def _proxied(self, proxy: ProxyChoice) -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(verify=self._tls, limits=_LIMITS, proxy=httpx.Proxy(proxy.url), trust_env=False)

    def describe_way(self, origin: str) -> str:
        """Returns what a message about a failed request says of the proxy on its way; empty where there is none."""
        proxy = next(
            (one for url, one in self._proxies.items() if urlsplit(url).netloc == urlsplit(origin).netloc), None
        )
        return "" if proxy is None else f", through the proxy that {proxy.variable} names"

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        if self.settings.backend is None and any(url.startswith("https:") for url in self.settings.base_urls):
            return _trusting_context()
        # Loading the trusted roots takes as long as a hundred requests. A context without roots trusts no server.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class HttpTransport:
    """Sends requests over one HTTP client."""

    def __init__(self, client: httpx.AsyncClient, network: HttpNetwork) -> None:
        self._client = client
        self._network = network

    def has_answered(self, origin: str) -> bool:
        """Whether the server at `origin` has answered any request of this run, on any connection."""
        return origin in self._network.answered

    async def exchange(self, request: HttpRequest) -> HttpAnswer:
        """Send `request` once and return the answer. Raises NoAnswer when no status came back."""
        network, seconds = self._network, self._network.settings.timeouts
        network.requests += 1
        try:
            async with asyncio.timeout(seconds.read if request.only_reads else seconds.change):
                with network.slow_requests.waiting(request.line):
                    async with self._client.stream(
                        request.method,
                        request.url,
                        headers=dict(request.headers),
                        content=request.body,
                        timeout=httpx.Timeout(seconds.silence, connect=seconds.connect, pool=seconds.pool),
                    ) as response:
                        network.answered.add(request.origin)
                        body, fault = await _read(response)
                        return HttpAnswer(response.status_code, dict(response.headers), body, fault)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as failure:
            raise NoAnswer(reason_of(failure) + network.describe_way(request.origin), may_have_left=False) from None
        except (httpx.RequestError, OSError) as failure:
            raise NoAnswer(reason_of(failure) + network.describe_way(request.origin), may_have_left=True) from None


def is_loopback(url: str) -> bool:
    """Whether `url` points to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def in_process(app: Any) -> HttpBackend:
    """Return a backend that calls an ASGI application in this process. An exception in it becomes a status 500."""
    return httpx.ASGITransport(app=app, raise_app_exceptions=False)


async def _read(response: httpx.Response) -> tuple[bytes, str]:
    """Return as much of the body as arrived, and why it is incomplete (empty when it is complete)."""
    received = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            received += chunk
            if len(received) > MAX_ANSWER:
                return b"", f"it is larger than {MAX_ANSWER // 1024**2} MiB"
    except (httpx.RequestError, OSError) as failure:
        return bytes(received), f"it broke off ({reason_of(failure)})"
    return bytes(received), ""


def _trusting_context() -> ssl.SSLContext:
    try:
        return httpx.create_ssl_context()
    except OSError as problem:
        summary = f"the trusted certificates cannot be read: {problem.strerror or problem.args[-1]}"
        raise UsageError(error("certificates-invalid", summary, hint="check SSL_CERT_FILE and SSL_CERT_DIR")) from None


def _host_pattern(url: str) -> str:
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port is not None else "")
