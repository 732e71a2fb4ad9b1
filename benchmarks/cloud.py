"""`python -m benchmarks.cloud [LATENCY]`: a cloud that answers at once, or after LATENCY seconds, so that its clients are measured.

What it answers to the first purchase, and to all that is neither purchase, list, show nor release, is the sandbox's own answer. Every
other server is a copy of the first one under another id and name. It proves nothing: it checks no signature but the first, and keeps
everything in memory. Its servers run at once.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, MutableMapping
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from provisioner.sandbox import PUBLIC, create_app

SERVERS = f"/v1/{PUBLIC.project_id}/dev-servers"
_PAGE = 1000


class World:
    """The servers by id, each as the JSON that a list shows."""

    def __init__(self) -> None:
        self._sandbox = create_app(build_seconds=0)
        self._bought: dict[str, Any] = {}
        self._row: dict[str, Any] = {}
        self._rows: dict[str, bytes] = {}

    async def answer(self, method: str, target: str, headers: list[tuple[bytes, bytes]], body: bytes) -> Any:
        """Status and body."""
        parts = urlsplit(target)
        identifier = parts.path.removeprefix(f"{SERVERS}/")
        if method == "POST" and parts.path == SERVERS:
            return await self._buy(target, headers, body)
        if method == "GET" and parts.path in {SERVERS, f"{SERVERS}/all"}:
            return 200, self._list(parse_qs(parts.query))
        if identifier in self._rows and method == "GET":
            return 200, self._rows[identifier]
        if identifier in self._rows and method == "DELETE":
            return 200, self._rows.pop(identifier)
        return await self._ask_sandbox(method, target, headers, body)

    async def _buy(self, target: str, headers: list[tuple[bytes, bytes]], body: bytes) -> tuple[int, bytes]:
        if not self._row:
            status, answer = await self._ask_sandbox("POST", target, headers, body)
            if status >= 300:  # noqa: PLR2004 - whatever the sandbox has against it is passed on
                return status, answer
            self._bought = json.loads(answer)
            first = f"{SERVERS}/{self._bought['id']}"
            _, shown = await self._ask_sandbox("GET", first, headers, b"", signed=False)
            self._row = json.loads(shown)
        new = {"id": str(uuid4()), "name": json.loads(body)["name"], "create_at": time.time_ns() // 1_000_000}
        self._rows[new["id"]] = json.dumps(self._row | new).encode()
        return 200, json.dumps(self._bought | new).encode()

    def _list(self, query: dict[str, list[str]]) -> bytes:
        offset, limit = int(query.get("offset", ["0"])[0]), int(query.get("limit", [str(_PAGE)])[0])
        page = b",".join(list(self._rows.values())[offset : offset + limit])
        return b'{"total": %d, "data": [%s]}' % (len(self._rows), page)

    async def _ask_sandbox(
        self, method: str, target: str, headers: list[tuple[bytes, bytes]], body: bytes, *, signed: bool = True
    ) -> tuple[int, bytes]:
        if not signed:
            headers = [(b"x-auth-token", await self._token()), (b"host", b"127.0.0.1")]
        status, _, answer = await self._call(method, target, headers, body)
        return status, answer

    async def _token(self) -> bytes:
        user = {
            "domain": {"name": PUBLIC.domain_name},
            "name": PUBLIC.user_name,
            "password": PUBLIC.user_password,
        }
        identity = {"methods": ["password"], "password": {"user": user}}
        sign_in = {"auth": {"identity": identity, "scope": {"project": {"id": PUBLIC.project_id}}}}
        _, headers, _ = await self._call("POST", "/v3/auth/tokens", [], json.dumps(sign_in).encode())
        return dict(headers)[b"x-subject-token"]

    async def _call(
        self, method: str, target: str, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "http_version": "1.1",
            "scheme": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": headers,
        }
        await self._sandbox(scope, receive, send)
        whole = b"".join(message.get("body", b"") for message in sent[1:])
        return sent[0]["status"], list(sent[0]["headers"]), whole


class Connection(asyncio.Protocol):
    """As much of HTTP/1.1 as these clients speak: one request at a time, its length given."""

    def __init__(self, answer: Callable[..., Any], latency: float) -> None:
        self._answer = answer
        self._latency = latency
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        first, *lines = head.split(b"\r\n")
        headers = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
        length = int(dict(headers).get(b"content-length", b"0"))
        if len(rest) < length:
            return
        self._received = rest[length:]
        method, target, _ = first.decode().split(" ")
        self._task = asyncio.ensure_future(self._reply(method, target, headers, rest[:length]))

    async def _reply(self, method: str, target: str, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        status, answer = await self._answer(method, target, headers, body)
        if self._latency:
            await asyncio.sleep(self._latency)
        head = f"HTTP/1.1 {status} -\r\nDate: {formatdate(usegmt=True)}\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n\r\n"
        self._transport.write(head.encode() + answer)


async def serve(latency: float) -> None:
    world = World()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(world.answer, latency), "127.0.0.1", 0, backlog=2048)
    print(f"listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]) if len(sys.argv) > 1 else 0.0))
