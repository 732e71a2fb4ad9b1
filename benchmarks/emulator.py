"""How many creates and list pages a second the sandbox answers, beside a bare Starlette application in the same run. Both are
called as a server would call them, without a socket, so that no client's cost is measured.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from provisioner.sandbox import PUBLIC, create_app

SERVERS = f"/v1/{PUBLIC.project_id}/dev-servers"
_UUID = "05982b48-a70f-43a1-a2b0-1fe36a236172"
_USER = {"domain": {"name": PUBLIC.domain_name}, "name": PUBLIC.user_name, "password": PUBLIC.user_password}
_SIGN_IN = {
    "auth": {
        "identity": {"methods": ["password"], "password": {"user": _USER}},
        "scope": {"project": {"id": PUBLIC.project_id}},
    }
}
_CREATE = {
    "name": "trainer",
    "flavor": "Si2.large.4",
    "image_id": _UUID,
    "network": {"vpc_id": _UUID, "subnet_id": _UUID, "security_group_id": _UUID},
    "key_pair_name": "ops",
}


class Caller:
    """Calls an application on one event loop, one request at a time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.headers: list[tuple[bytes, bytes]] = []

    async def call(self, method: str, path: str, *, query: str = "", body: object = None) -> tuple[int, dict[str, str]]:
        """The status and the headers of the answer."""
        sent: list[MutableMapping[str, Any]] = []
        content = b"" if body is None else json.dumps(body).encode()

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": self.headers,
        }
        await self._app(scope, receive, send)
        return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}

    async def rate(self, times: int, method: str, path: str, **options: Any) -> float:
        """Calls a second."""
        begun = time.perf_counter()
        for _ in range(times):
            status, _ = await self.call(method, path, **options)
            assert status == HTTPStatus.OK, status
        return times / (time.perf_counter() - begun)


@contextmanager
def sandbox() -> Iterator[Caller]:
    """With a world in a file, as `sandbox serve` has it, and somebody signed in."""
    with TemporaryDirectory() as folder:
        caller = Caller(create_app(Path(folder) / "world.db", build_seconds=0))
        _, headers = asyncio.run(caller.call("POST", "/v3/auth/tokens", body=_SIGN_IN))
        caller.headers = [(b"x-auth-token", headers["x-subject-token"].encode())]
        yield caller


def bare() -> Caller:
    """The same two routes, and nothing behind them."""

    async def create(request: Request) -> JSONResponse:
        return JSONResponse(await request.json())

    async def page(_: Request) -> JSONResponse:
        return JSONResponse({"data": [_CREATE] * 100, "total": 1000})

    return Caller(Starlette(routes=[Route(SERVERS, create, methods=["POST"]), Route(SERVERS, page)]))


def rates(*, creates: int = 2_000, pages: int = 500) -> Iterator[tuple[str, float, float]]:
    """What was called, and how often a second the sandbox and the bare application answered it."""
    with sandbox() as emulator:
        for work, times, call in (
            ("create", creates, {"method": "POST", "body": _CREATE}),
            ("list page of 100", pages, {"method": "GET", "query": "limit=100"}),
        ):
            ours, theirs = (asyncio.run(each.rate(times, path=SERVERS, **call)) for each in (emulator, bare()))
            yield work, ours, theirs
