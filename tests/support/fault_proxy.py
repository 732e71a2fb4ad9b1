"""A proxy between the tool and the sandbox that makes the network misbehave at an exact request, and remembers all of them.

It speaks just enough HTTP/1.1 to tell requests apart and understands nothing of what they mean. It runs in a thread of its
own, so that a test can hold an answer back and do something else meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self
from urllib.parse import urlsplit

_PATIENCE = 30.0
PURCHASE = "/dev-servers"
"""How the path of a purchase ends."""


@dataclass(eq=False)
class Exchange:
    """One request and what becomes of it. A fault decides whether it is carried out, and what its sender hears."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    _raw: bytes = field(repr=False)
    _upstream: str = field(repr=False)
    _writer: asyncio.StreamWriter = field(repr=False)

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @cached_property
    def document(self) -> Any:
        return json.loads(self.body) if self.body else None

    async def carry_out(self) -> bytes:
        """The sandbox's answer as it came, headers and all; nobody has heard it yet."""
        parts = urlsplit(self._upstream)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            writer.write(self._raw)
            head, body = await _read_message(reader)
            return head + body
        finally:
            writer.close()

    async def tell(self, answer: bytes) -> None:
        """Raises ConnectionError when the sender has gone."""
        self._writer.write(answer)
        await self._writer.drain()

    def cut(self) -> None:
        """The sender sees a reset, or the end of an answer that was not whole."""
        self._writer.transport.abort()

    def hang_up(self) -> None:
        self._writer.close()


Fault = Callable[[Exchange], Awaitable[None]]


@dataclass(eq=False)
class _Rule:
    fault: Fault
    method: str
    ending: str
    name: str | None
    nth: int | None
    seen: int = 0

    def applies(self, exchange: Exchange) -> bool:
        if exchange.method != self.method or not exchange.path.endswith(self.ending):
            return False
        if self.name is not None and exchange.document.get("name") != self.name:
            return False
        self.seen += 1
        return self.nth is None or self.seen == self.nth


class Gate:
    """Holds answers back until a test opens it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._opened = asyncio.Event()
        self._reached = threading.Semaphore(0)

    def await_arrival(self) -> None:
        """Returns when one more request has been carried out and waits for its answer."""
        assert self._reached.acquire(timeout=_PATIENCE), "no request has reached the gate"

    def open(self) -> None:
        self._loop.call_soon_threadsafe(self._opened.set)

    async def after(self, exchange: Exchange) -> None:
        """A fault: carried out at once, answered when the gate opens."""
        answer = await exchange.carry_out()
        self._reached.release()
        await self._opened.wait()
        await exchange.tell(answer)

    async def never(self, exchange: Exchange) -> None:
        """A fault: neither carried out nor answered; its sender is left waiting until the gate opens."""
        self._reached.release()
        await self._opened.wait()
        exchange.hang_up()

    async def before(self, exchange: Exchange) -> None:
        """A fault: its sender hears a reset at once, and it is carried out when the gate opens."""
        exchange.cut()
        self._reached.release()
        await self._opened.wait()
        await exchange.carry_out()
        self._reached.release()


class FaultProxy:
    """`upstream` is the sandbox's address and may be changed between requests. `exchanges` are all requests, oldest first."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.exchanges: list[Exchange] = []
        self._rules: list[_Rule] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._wait(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self._wait(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def on(
        self,
        fault: Fault,
        *,
        method: str = "POST",
        ending: str = PURCHASE,
        name: str | None = None,
        nth: int | None = 1,
    ) -> None:
        """Lets `fault` decide about the nth such request, or about every one; `name` is the one in its body."""
        self._rules.append(_Rule(fault, method, ending, name, nth))

    def clear(self) -> None:
        self._rules.clear()

    def gate(self) -> Gate:
        return Gate(self._loop)

    def of(self, method: str, ending: str = "") -> list[Exchange]:
        return [each for each in self.exchanges if each.method == method and each.path.endswith(ending)]

    @property
    def purchases(self) -> list[Exchange]:
        return self.of("POST", PURCHASE)

    def _wait(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE)

    async def _end(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while not writer.is_closing():
                head, body = await _read_message(reader)
                await self._deal_with(_exchange(head, body, self.upstream, writer))
        writer.close()

    async def _deal_with(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        for rule in [*self._rules]:
            if rule.applies(exchange):
                await rule.fault(exchange)
                return
        await exchange.tell(await exchange.carry_out())


def _exchange(head: bytes, body: bytes, upstream: str, writer: asyncio.StreamWriter) -> Exchange:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    return Exchange(method, target, _headers(lines), body, head + body, upstream, writer)


async def _read_message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(_headers(head.decode("latin-1").split("\r\n")[1:]).get("content-length", "0"))
    return head, await reader.readexactly(length)


def _headers(lines: list[str]) -> dict[str, str]:
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return {name.lower(): value.strip() for name, value in pairs}


def message(status: str, body: bytes, *, kind: str = "application/json", extra: str = "") -> bytes:
    """An answer of the proxy's own making."""
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{extra}Content-Length: {len(body)}\r\n\r\n".encode() + body


def answering(answer: bytes, *, executed: bool) -> Fault:
    """The sender hears `answer`, whether or not the sandbox carried the request out."""

    async def fault(exchange: Exchange) -> None:
        if executed:
            await exchange.carry_out()
        await exchange.tell(answer)

    return fault


def editing(edited: Callable[[Any], Any]) -> Fault:
    """Carried out, and answered with what `edited` makes of the answer's document."""

    async def fault(exchange: Exchange) -> None:
        head, body = (await exchange.carry_out()).split(b"\r\n\r\n", 1)
        told = json.dumps(edited(json.loads(body))).encode()
        head = re.sub(rb"(?i)(?<=content-length: )\d+", str(len(told)).encode(), head)
        await exchange.tell(head + b"\r\n\r\n" + told)

    return fault


def resetting(*, executed: bool) -> Fault:
    async def fault(exchange: Exchange) -> None:
        if executed:
            await exchange.carry_out()
        exchange.cut()

    return fault


async def truncating(exchange: Exchange) -> None:
    """Carried out; half of the answer's body arrives."""
    answer = await exchange.carry_out()
    middle = (answer.index(b"\r\n\r\n") + len(answer)) // 2
    await exchange.tell(answer[:middle])
    exchange.hang_up()


async def hanging_up(exchange: Exchange) -> None:
    """Carried out; the connection ends without an answer, as when a gateway's time is up."""
    await exchange.carry_out()
    exchange.hang_up()


def ending_run(kill: Callable[[], object], *, when: str) -> Fault:
    """Calls `kill` before the request is carried out, after it, or after it has been answered."""

    async def fault(exchange: Exchange) -> None:
        answer = b"" if when == "before" else await exchange.carry_out()
        if when == "answered":
            with suppress(ConnectionError):
                await exchange.tell(answer)
        kill()
        exchange.hang_up()

    return fault
