"""Trust: our own authority and proxies from the standard environment, and not a signed byte for a server that is not believed.

The certificates were made by certificates/make.sh.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Self

import pytest

from provisioner.cloud import AccessKey, InstanceAgency, connect, connection, key_exchange, region_endpoints
from provisioner.model.flow import Call, CallFailed, Effect, Outcome, Reply, Service
from provisioner.model.secret import Secret

CERTIFICATES = Path(__file__).parent / "certificates"
PURCHASE = Call(Service.MODELARTS, "POST", "/v1/{project_id}/dev-servers", Effect.PURCHASE, body={"name": "a"})
GOOD = b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"id":"x"}'
STANDARD = [f"{name}_proxy" for name in ("http", "https", "all", "no")] + ["ssl_cert_file", "ssl_cert_dir"]


@pytest.fixture(autouse=True)
def our_authority(monkeypatch) -> None:
    for name in STANDARD:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "authority.pem"))


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError, ssl.SSLError):
        await writer.wait_closed()


class Listener:
    """`serve` is run for each connection, and has ended for all of them when the listening ends."""

    origin = ""
    context: ssl.SSLContext | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Self]:
        at_work: list[asyncio.Task] = []

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            at_work.append(asyncio.current_task())
            with suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
                await self.serve(reader, writer)
            await close(writer)

        async with await asyncio.start_server(connected, "127.0.0.1", 0, ssl=self.context) as listener:
            self.origin = f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"
            yield self
            await asyncio.gather(*at_work)


class Server(Listener):
    """Keeps whatever came through its TLS, before any of it is understood."""

    def __init__(self, certificate: str) -> None:
        self.heard = b""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(CERTIFICATES / f"{certificate}.pem")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while heard := await reader.read(65536):
            self.heard += heard
            writer.write(GOOD)
            await writer.drain()


class Proxy(Listener):
    """Tunnels every CONNECT to one place, whatever name was asked for, and keeps what it sees."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.asked: list[bytes] = []
        self.seen = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")[0])
        host, _, port = self.target.partition(":")
        onward_reader, onward = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(self._pump(reader, onward), self._pump(onward_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while heard := await reader.read(65536):
                self.seen += heard
                writer.write(heard)
                await writer.drain()
        await close(writer)


async def buy(url: str) -> Reply:
    cloud = connect(
        endpoints=region_endpoints("r", {Service.MODELARTS: url}),
        credentials=AccessKey("AK", Secret("SK")),
        region="r",
        project_id="p",
        domain_id="d",
        user_agent="t",
    )
    async with cloud as connected, connected.channel() as channel:
        return await channel.send(PURCHASE, lambda _: Secret(""))


def outcome_with(certificate: str) -> tuple[Reply | CallFailed, Server]:
    async def conversation() -> tuple[Reply | CallFailed, Server]:
        async with Server(certificate).listening() as server:
            try:
                return await buy(f"https://{server.origin}"), server
            except CallFailed as failed:
                return failed, server

    return asyncio.run(conversation())


def test_an_authority_of_our_own_is_believed() -> None:
    reply, server = outcome_with("good")
    assert isinstance(reply, Reply)
    assert b"SDK-HMAC-SHA256" in server.heard


@pytest.mark.parametrize(
    ("certificate", "says"),
    [
        ("expired", "certificate has expired"),
        ("self-signed", "self-signed certificate"),
        ("wrong-host", "IP address mismatch"),
    ],
)
@pytest.mark.parametrize("insecure", [False, True])
def test_a_certificate_that_is_not_believed_gets_not_one_byte(monkeypatch, certificate, says, insecure) -> None:
    if insecure:
        for name in ("HW_INSECURE", "OS_INSECURE", "PYTHONHTTPSVERIFY"):
            monkeypatch.setenv(name, "0" if name.startswith("PYTHON") else "true")
    failure, server = outcome_with(certificate)
    assert isinstance(failure, CallFailed)
    assert failure.outcome is Outcome.NOT_SENT
    assert "its certificate is not trusted: " in failure.message
    assert says in failure.message
    assert server.heard == b""


def test_an_authority_that_is_not_ours_is_not_believed(monkeypatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "self-signed.pem"))
    failure, server = outcome_with("good")
    assert isinstance(failure, CallFailed)
    assert (failure.outcome, server.heard) == (Outcome.NOT_SENT, b"")


def through_a_proxy(
    monkeypatch, certificate: str, host: str = "modelarts.example.com", **environment: str
) -> tuple[Reply | CallFailed, Proxy, Server]:
    async def conversation() -> tuple[Reply | CallFailed, Proxy, Server]:
        async with Server(certificate).listening() as server, Proxy(server.origin).listening() as proxy:
            url = f"http://ann:canary@{proxy.origin}"
            for name, value in ({"HTTPS_PROXY": url} | environment).items():
                monkeypatch.setenv(name, value)
            return await _outcome(buy(f"https://{host}")), proxy, server

    return asyncio.run(conversation())


async def _outcome(buying: Awaitable[Reply]) -> Reply | CallFailed:
    try:
        return await buying
    except CallFailed as failed:
        return failed


def test_a_proxy_carries_what_it_cannot_read(monkeypatch) -> None:
    reply, proxy, server = through_a_proxy(monkeypatch, "good")
    assert isinstance(reply, Reply)
    assert proxy.asked == [b"CONNECT modelarts.example.com:443 HTTP/1.1"]
    assert b"dev-servers" in server.heard
    assert b"dev-servers" not in proxy.seen
    assert b"SDK-HMAC" not in proxy.seen
    assert b"canary" not in server.heard, "the proxy's password is the proxy's"


def test_a_proxy_that_puts_itself_in_between_is_not_believed(monkeypatch) -> None:
    failure, proxy, server = through_a_proxy(monkeypatch, "wrong-host")
    assert isinstance(failure, CallFailed)
    assert (failure.outcome, server.heard) == (Outcome.NOT_SENT, b"")
    assert len(proxy.asked) == 1


def test_no_proxy_is_heeded(monkeypatch) -> None:
    failure, proxy, _server = through_a_proxy(monkeypatch, "good", "nowhere.invalid", NO_PROXY=".invalid")
    assert isinstance(failure, CallFailed)
    assert failure.outcome is Outcome.NOT_SENT
    assert proxy.asked == []


class Metadata(Listener):
    """A cloud server's metadata service and the cloud, without TLS and in one place."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof():
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head.partition(b" HTTP")[0])
            key = b'{"credential":{"access":"A","secret":"S","securitytoken":"T","expires_at":"2099-01-01T00:00:00Z"}}'
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(key), key))
            await writer.drain()


def test_the_metadata_service_is_never_asked_through_a_proxy(monkeypatch) -> None:
    async def conversation() -> tuple[list[bytes], list[bytes]]:
        async with Metadata().listening() as machine, Proxy("127.0.0.1:1").listening() as proxy:
            monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.origin}")
            monkeypatch.setenv("ALL_PROXY", f"http://{proxy.origin}")
            for module in (connection, key_exchange):
                monkeypatch.setattr(module, "METADATA", f"http://{machine.origin}")
            options = {"region": "r", "project_id": "p", "domain_id": "d", "user_agent": "t"}
            endpoints = region_endpoints("r", {Service.MODELARTS: f"http://{machine.origin}"})
            async with connect(endpoints=endpoints, credentials=InstanceAgency(), **options) as cloud:
                async with cloud.channel() as channel:
                    await channel.send(Call(Service.MODELARTS, "GET", "/x", Effect.READ), lambda _: Secret(""))
                return machine.asked, proxy.asked

    asked, proxied = asyncio.run(conversation())
    assert asked == [b"GET /openstack/latest/securitykey", b"GET /x"]
    assert proxied == []
