"""Serves the sandbox over HTTP on loopback: binds, announces, and serves until a signal.

Refuses requests of web pages: those that name another host, for example through a name of the page that resolves to
this machine, and those of a foreign origin.
"""

import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Final
from uuid import uuid4

import uvicorn
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from provisioner.sandbox.app import Sandbox
from provisioner.sandbox.calls import Answer
from provisioner.sandbox.clock import Clock
from provisioner.sandbox.connections import Connection
from provisioner.sandbox.control import PREFIX, Control
from provisioner.sandbox.errors import SandboxError, request_error
from provisioner.sandbox.exclusion import sole_server
from provisioner.sandbox.printing import print_answer

LOOPBACK: Final = "127.0.0.1"
_LOOPBACK_NAMES: Final = frozenset({LOOPBACK, "localhost", "[::1]"})
_OWN_SITES: Final = frozenset({"same-origin", "none"})
_GRACE_SECONDS: Final = 2
_TOKEN_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class Listening:
    """The address of the sandbox, such as "http://127.0.0.1:8000", and the token for its control API."""

    address: str
    token: str = field(repr=False)

    @property
    def control(self) -> str:
        return f"{self.address}{PREFIX}"


def run(
    sandbox: Sandbox, world: Path | None, *, listener: socket.socket, announce: Callable[[Listening], None]
) -> None:
    """Serves until SIGINT or SIGTERM. Raises SandboxError if another process serves the same world."""
    listening = Listening(f"http://{LOOPBACK}:{listener.getsockname()[1]}", secrets.token_urlsafe(_TOKEN_BYTES))
    with sole_server(world, listening.address):
        config = configure(front(sandbox, listening.token))
        _Server(config, lambda: announce(listening)).run(sockets=[listener])


def front(sandbox: Sandbox, token: str) -> ASGIApp:
    """Returns the sandbox with its control API, for this machine only."""
    return LoopbackOnly(Control(sandbox, token), sandbox.world)


def configure(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Connection,
        interface="asgi3",
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        date_header=False,  # the app's own is the sandbox's time
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )


class LoopbackOnly:
    """Accepts only requests to this machine under one of its loopback names that come from no foreign web page."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = _foreign(Headers(scope=scope))
        if problem is None:
            await self._app(scope, receive, send)
            return
        refusal = request_error(problem)
        request_id = uuid4().hex
        answer = Answer(refusal.body(request_id), status=refusal.status)
        await print_answer(answer, request_id, self._clock.now())(scope, receive, send)


class _Server(uvicorn.Server):
    """A server that reports when it listens. On a signal it returns instead of raising the signal again."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        self.force_exit = self.should_exit
        self.should_exit = True


def bind(port: int) -> socket.socket:
    """Binds the port. Raises SandboxError if it is not available."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise SandboxError(
            f"the sandbox cannot listen on {LOOPBACK}:{port}: {error}. Choose another port, or 0 for a free one"
        ) from error
    return listener


def _foreign(headers: Headers) -> str | None:
    """Returns why a request is not answered. Browsers send `Origin` with requests that a page may not read, and
    `Sec-Fetch-Site` with all; no other client sends either.
    """
    name, port = _host_and_port(headers.get("host", ""))
    if name not in _LOOPBACK_NAMES:
        return "the sandbox answers to loopback names only; send it to 127.0.0.1 or localhost"
    if any(not _is_own(origin, port) for origin in headers.getlist("origin")):
        return "the sandbox does not answer web pages of a foreign origin; leave the Origin header out"
    if any(site.strip().lower() not in _OWN_SITES for site in headers.getlist("sec-fetch-site")):
        return "the sandbox does not answer web pages of a foreign site"
    return None


def _is_own(origin: str, port: str) -> bool:
    scheme, _, host = origin.strip().partition("://")
    name, own_port = _host_and_port(host)
    return scheme.lower() == "http" and name in _LOOPBACK_NAMES and own_port == port


def _host_and_port(host: str) -> tuple[str, str]:
    name, colon, port = host.rpartition(":")
    return (name.lower(), port) if colon and port.isdecimal() else (host.lower(), "80")
