"""Over real sockets: what a misbehaving server, proxy or network leaves us knowing."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from provisioner.cloud import AccessKey, Channel, connect, region_endpoints
from provisioner.model.diagnostic import UsageError
from provisioner.model.flow import Call, CallFailed, Effect, Outcome, Reply, Service
from provisioner.model.secret import Secret
from provisioner.web import HttpTimeouts

PURCHASE = Call(Service.MODELARTS, "POST", "/v1/{project_id}/dev-servers", Effect.PURCHASE, body={"name": "a"})
GOOD = b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"id":"x"}'
PATIENT = HttpTimeouts()
IMPATIENT = HttpTimeouts(silence=0.05)
PROXY_VARIABLES = [f"{name}_proxy" for name in ("http", "https", "all", "no")]

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


class Server:
    """Counts connections and requests; `serve` does to each connection what it likes."""

    def __init__(self, serve: Serve) -> None:
        self.connections = 0
        self.heads: list[bytes] = []
        self.closed = asyncio.Event()
        self.origin = ""
        self._serve = serve

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await read_request(reader):
                self.heads.append(head)
                await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self.closed.set()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line.partition(b":")[2]))
    return head


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[Server]:
    server = Server(serve)
    async with await asyncio.start_server(server, "127.0.0.1", 0) as listener:
        server.origin = f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        yield server


@asynccontextmanager
async def channel_to(url: str, timeouts: HttpTimeouts = PATIENT) -> AsyncIterator[Channel]:
    async with (
        connect(
            endpoints=region_endpoints("r", {Service.MODELARTS: url}),
            credentials=AccessKey("AK", Secret("SK")),
            region="r",
            project_id="p",
            domain_id="d",
            user_agent="t",
            timeouts=timeouts,
        ) as cloud,
        cloud.channel() as channel,
    ):
        yield channel


async def buy(channel: Channel) -> Reply:
    return await channel.send(PURCHASE, lambda _: Secret(""))


async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(GOOD)
    await writer.drain()


async def reset(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    at_once = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    writer.transport.abort()
    raise ConnectionResetError


async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    raise ConnectionResetError


async def stall(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def never_finish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(GOOD[:-1])
    await writer.drain()
    await reader.read()


def cut_after(count: int) -> Serve:
    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GOOD[:count])
        await writer.drain()
        raise ConnectionResetError

    return serve


async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 smtp.example ESMTP\r\n\r\n")
    await writer.drain()


@pytest.mark.parametrize(
    "serve",
    [reset, hang_up, babble, *(cut_after(count) for count in (1, 12, 30, len(GOOD) - 10, len(GOOD) - 1))],
)
def test_after_the_request_is_out_every_misfortune_is_an_unknown_outcome_of_one_request(serve: Serve) -> None:
    async def conversation() -> tuple[CallFailed, int]:
        async with serving(serve) as server, channel_to(f"http://{server.origin}") as channel:
            with pytest.raises(CallFailed) as failed:
                await buy(channel)
            return failed.value, len(server.heads)

    failure, sent = asyncio.run(conversation())
    assert (failure.outcome, sent) == (Outcome.UNKNOWN, 1)


@pytest.mark.parametrize("serve", [stall, never_finish])
def test_an_answer_that_does_not_come_in_time_is_an_unknown_outcome(serve: Serve) -> None:
    async def conversation() -> CallFailed:
        async with serving(serve) as server, channel_to(f"http://{server.origin}", IMPATIENT) as channel:
            with pytest.raises(CallFailed) as failed:
                await buy(channel)
            return failed.value

    failure = asyncio.run(conversation())
    assert failure.outcome is Outcome.UNKNOWN
    assert "time-out" in failure.message


def test_an_answer_that_drips_for_ever_ends_at_the_total() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n")
        while not reader.at_eof():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0)

    async def conversation() -> CallFailed:
        patience = HttpTimeouts(change=0.1)
        async with serving(drip) as server, channel_to(f"http://{server.origin}", patience) as channel:
            with pytest.raises(CallFailed) as failed:
                await buy(channel)
            return failed.value

    assert asyncio.run(conversation()).outcome is Outcome.UNKNOWN


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def failure_at(url: str) -> CallFailed:
    async def conversation() -> CallFailed:
        async with channel_to(url) as channel:
            with pytest.raises(CallFailed) as failed:
                await buy(channel)
            return failed.value

    return asyncio.run(conversation())


def test_a_refused_connection_is_said_in_words() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    failure = failure_at(url)
    assert failure.outcome is Outcome.NOT_SENT
    assert failure.message == f"the request did not reach {url} (connection refused)"


def test_a_name_that_does_not_resolve_is_said_in_words() -> None:
    failure = failure_at("https://nowhere.invalid")
    assert failure.outcome is Outcome.NOT_SENT
    assert "its name does not resolve" in failure.message


@pytest.mark.parametrize("serve", [answer, reset, hang_up])
def test_without_tls_nothing_is_sent_to_an_https_endpoint(serve: Serve) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        with suppress(ConnectionError):
            await serve(reader, writer)
        writer.close()

    async def conversation() -> CallFailed:
        async with await asyncio.start_server(greet, "127.0.0.1", 0) as listener:
            port = listener.sockets[0].getsockname()[1]
            async with channel_to(f"https://127.0.0.1:{port}") as channel:
                with pytest.raises(CallFailed) as failed:
                    await buy(channel)
                return failed.value

    assert asyncio.run(conversation()).outcome is Outcome.NOT_SENT


def test_a_live_connection_is_used_again_and_a_closed_one_is_replaced() -> None:
    async def answer_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(reader, writer)
        raise ConnectionResetError

    async def conversation(serve: Serve) -> int:
        async with serving(serve) as server, channel_to(f"http://{server.origin}") as channel:
            await buy(channel)
            if serve is answer_and_close:
                await server.closed.wait()
            await buy(channel)
            return server.connections

    assert asyncio.run(conversation(answer)) == 1
    assert asyncio.run(conversation(answer_and_close)) == 2


def test_a_loopback_endpoint_is_never_reached_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async def conversation() -> tuple[int, int]:
        async with serving(answer) as server, serving(answer) as proxy:
            for name in PROXY_VARIABLES[:3]:
                monkeypatch.setenv(name, f"http://{proxy.origin}")
            async with channel_to(f"http://{server.origin}") as channel:
                await buy(channel)
            return server.connections, proxy.connections

    assert asyncio.run(conversation()) == (1, 0)


def test_a_proxy_that_refuses_has_let_nothing_through(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async def conversation() -> tuple[CallFailed, list[bytes]]:
        async with serving(refuse) as proxy:
            monkeypatch.setenv("https_proxy", f"http://ann:canary@{proxy.origin}")
            async with channel_to("https://modelarts.example.com") as channel:
                with pytest.raises(CallFailed) as failed:
                    await buy(channel)
                return failed.value, proxy.heads

    failure, heads = asyncio.run(conversation())
    assert failure.outcome is Outcome.NOT_SENT
    assert "the proxy refused: 407" in failure.message
    assert "through the proxy that https_proxy names" in failure.message
    assert "canary" not in failure.message
    assert [head.partition(b" ")[0] for head in heads] == [b"CONNECT"]


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "gopher://127.0.0.1:1", "http://127.0.0.1:port"])
def test_a_proxy_that_cannot_be_used_is_said_before_anything_is_sent(monkeypatch: Any, proxy: str) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(UsageError, match="proxy"):
        failure_at("https://modelarts.example.com")


def test_a_proxy_that_is_not_there_is_named_by_its_variable_and_the_others_are_not(monkeypatch: Any) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    failure = failure_at("https://modelarts.example.com")
    assert failure.outcome is Outcome.NOT_SENT
    assert "connection refused, through the proxy that HTTPS_PROXY names" in failure.message


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_read_are_said_before_anything_is_sent(monkeypatch, tmp_path, content) -> None:
    path = tmp_path / "roots.pem"
    if content:
        path.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(UsageError, match="trusted certificates cannot be read") as refused:
        failure_at("https://modelarts.example.com")
    assert "SSL_CERT_FILE" in refused.value.diagnostics[0].hint
