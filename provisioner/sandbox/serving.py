"""The sandbox over real HTTP, on loopback only: binds, announces, serves until a signal. Refuses requests that name any
other host, so that a web page cannot reach it through a name of its own that resolves to this machine.
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
_GRACE_SECONDS: Final = 2
_TOKEN_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the sandbox answers, such as "http://127.0.0.1:8000", and the token that opens its control API."""

    address: str
    token: str = field(repr=False)

    @property
    def control(self) -> str:
        return f"{self.address}{PREFIX}"


def run(
    sandbox: Sandbox, world: Path | None, *, listener: socket.socket, announce: Callable[[Listening], None]
) -> None:
    """Serves until SIGINT or SIGTERM and then returns. Raises SandboxError when another process serves the same world."""
    listening = Listening(f"http://{LOOPBACK}:{listener.getsockname()[1]}", secrets.token_urlsafe(_TOKEN_BYTES))
    with sole_server(world, listening.address):
        config = configure(front(sandbox, listening.token))
        _Server(config, lambda: announce(listening)).run(sockets=[listener])


def front(sandbox: Sandbox, token: str) -> ASGIApp:
    """The sandbox as it is served: with its control API, and to this machine only."""
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
    """Lets through what was sent to this machine under one of its own loopback names."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = Headers(scope=scope).get("host", "")
        if _without_port(host).lower() in _LOOPBACK_NAMES:
            await self._app(scope, receive, send)
            return
        refusal = request_error("the sandbox answers to loopback names only; send it to 127.0.0.1 or localhost")
        request_id = uuid4().hex
        answer = Answer(refusal.body(request_id), status=refusal.status)
        await print_answer(answer, request_id, self._clock.now())(scope, receive, send)


class _Server(uvicorn.Server):
    """Tells when it listens, and ends on a signal by returning instead of by raising the signal again."""

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
    """Raises SandboxError when the port cannot be had."""
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


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host
