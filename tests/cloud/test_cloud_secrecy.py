"""Whatever happens, a secret is in no log, no exception and no representation."""

import asyncio
import base64
import json
import logging
import traceback
from urllib.parse import quote

import httpx
import pytest

from provisioner.cloud import AccessKey, Credentials, Password, connect, region_endpoints
from provisioner.model.diagnostic import ProvisionerError
from provisioner.model.flow import Call, CallFailed, Effect, Service
from provisioner.model.secret import Secret, SecretReference, SecretSource

CANARY = 'canary/"+\u00fc'
REFERENCE = SecretReference(SecretSource.ENVIRONMENT, "GATEWAY_PASSWORD")


def spellings(secret: str) -> set[str]:
    raw = secret.encode()
    return {
        secret,
        json.dumps(secret)[1:-1],
        quote(secret, safe=""),
        base64.b64encode(raw).decode(),
        raw.hex(),
        "canary",
    }


class Echo:
    """Sends back, in words and with a status, all that it got."""

    def __init__(self, status: int, code_name: str = "error_code") -> None:
        self.status = status
        self.code_name = code_name

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v3/auth/tokens":
            grant = {
                "expires_at": "2027-01-01T00:00:00Z",
                "project": {"id": "project-1", "domain": {"id": "account-1"}},
            }
            return httpx.Response(201, json={"token": grant}, headers={"X-Subject-Token": "canary-token"})
        heard = "|".join(f"{name}:{value}" for name, value in request.headers.items() if name != "authorization")
        told = json.loads(request.content)["admin_pass"] if request.content else ""
        return httpx.Response(self.status, json={self.code_name: "APIGW.0301", "error_msg": f"{told} {heard}"})


@pytest.mark.parametrize(
    "credentials",
    [
        AccessKey("AK", Secret("canary-secret-key"), Secret("canary-security-token")),
        Password("ann", Secret("canary-password"), "acme"),
    ],
    ids=["key", "password"],
)
@pytest.mark.parametrize("status", [302, 400, 401, 403, 500])
@pytest.mark.parametrize("code_name", ["error_code", "unheard"])
def test_an_echo_of_our_secrets_goes_nowhere(
    connect_to, caplog, capfd, code_name: str, status: int, credentials: Credentials
) -> None:
    caplog.set_level(logging.DEBUG)

    async def conversation() -> CallFailed:
        body = {"name": "a", "admin_pass": REFERENCE}
        call = Call(Service.MODELARTS, "POST", "/v1/{project_id}/dev-servers", Effect.PURCHASE, body=body)
        async with connect_to(Echo(status, code_name), credentials=credentials) as cloud, cloud.channel() as channel:
            with pytest.raises(CallFailed) as failed:
                await channel.send(call, lambda _reference: Secret(CANARY))
            return failed.value

    failure = asyncio.run(conversation())
    told = "".join(
        [repr(failure), failure.message, *traceback.format_exception(failure), caplog.text, *capfd.readouterr()]
    )
    assert not [spelling for spelling in spellings(CANARY) if spelling in told]
    assert "POST https://modelarts.cn-north-4.myhuaweicloud.com" in caplog.text


def test_the_libraries_below_do_not_log_our_tokens(caplog) -> None:
    """Httpcore logs the headers of answers: over a real connection, where a mock would not show it."""
    caplog.set_level(logging.DEBUG)

    async def conversation() -> None:
        async def issue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            grant = b'{"token":{"expires_at":"2099-01-01T00:00:00Z","project":{"id":"p","domain":{"id":"d"}}}}'
            writer.write(b"HTTP/1.1 201 Created\r\nX-Subject-Token: canary\r\nContent-Length: %d\r\n\r\n" % len(grant))
            writer.write(grant)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(issue, "127.0.0.1", 0)
        async with server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with connect(
                endpoints=region_endpoints("r", dict.fromkeys(Service, url)),
                credentials=Password("ann", Secret("p"), "acme"),
                region="r",
                user_agent="t",
            ) as cloud:
                assert cloud.identity.project == "p"

    asyncio.run(conversation())
    assert "/v3/auth/tokens" in caplog.text
    assert "canary" not in caplog.text


def test_what_reveal_raises_passes_through_and_nothing_is_sent(connect_to) -> None:
    def reveal(_reference: SecretReference) -> Secret:
        raise ProvisionerError

    async def conversation() -> int:
        call = Call(Service.MODELARTS, "POST", "/x", Effect.PURCHASE, body={"admin_pass": REFERENCE})
        async with connect_to(Echo(200)) as cloud, cloud.channel() as channel:
            with pytest.raises(ProvisionerError):
                await channel.send(call, reveal)
            return cloud.requests

    assert asyncio.run(conversation()) == 0
