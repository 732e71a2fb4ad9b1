"""Describes why no answer came, or only a part of one, in words that a person can act on."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Final

import httpx

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


def reason_of(failure: BaseException) -> str:
    """Describe the failure. The libraries' own texts come last: most say "All connection attempts failed"."""
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
