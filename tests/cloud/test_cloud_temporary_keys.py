"""Keys that end: for a token that somebody else signed in for, and from the metadata of a cloud server."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from provisioner.cloud import InstanceAgency, IssuedToken
from provisioner.model.diagnostic import CloudError
from provisioner.model.flow import Call, CallFailed, Effect, Outcome, Service
from provisioner.model.secret import Secret

TOKEN = IssuedToken(Secret("canary-token"))
SOURCES = [TOKEN, InstanceAgency()]
EXCHANGE = "https://iam.cn-north-4.myhuaweicloud.com/v3.0/OS-CREDENTIAL/securitytokens"
TOKENS = "https://iam.cn-north-4.myhuaweicloud.com/v3/auth/tokens"
METADATA = "http://169.254.169.254/openstack/latest/securitykey"


class KeyCloud:
    """Gives keys named by their number, and believes those that it is told to."""

    def __init__(self, **credential: Any) -> None:
        self.credential = {"expires_at": "2026-01-01T13:00:00.000000Z", "secret": "canary-secret"} | credential
        self.given: list[httpx.Request] = []
        self.asked: list[Any] = []
        self.user: Any = "user-1"
        self.used: list[tuple[str, str]] = []
        self.disbelieved: set[str] = set()
        self.refuses_to_give = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        date = {"Date": "Thu, 01 Jan 2026 12:00:00 GMT"}
        if str(request.url) in {EXCHANGE, METADATA}:
            self.given.append(request)
            if self.refuses_to_give:
                return httpx.Response(self.refuses_to_give, json={"error": {"code": 1, "message": "canary-token?"}})
            number = len(self.given)
            key = {"access": f"AK{number}", "securitytoken": f"canary-{number}"} | self.credential
            return httpx.Response(201, json={"credential": key}, headers=date)
        if str(request.url).startswith(TOKENS):
            self.asked.append(json.loads(request.content)["auth"]["identity"])
            return httpx.Response(201, json={"token": {"user": {"id": self.user}}}, headers=date)
        token = request.headers["x-security-token"]
        self.used.append((request.url.host.partition(".")[0], token))
        assert f"Access=AK{token[-1]}," in request.headers["authorization"]
        assert "x-security-token" in request.headers["authorization"]
        assert "x-auth-token" not in request.headers
        if token in self.disbelieved:
            return httpx.Response(401, json={"error_code": "APIGW.0301", "error_msg": "no"}, headers=date)
        return httpx.Response(200, json={"projects": [{"id": "p", "name": "cn-north-4", "domain_id": "d"}]})


def call(service: Service = Service.MODELARTS, effect: Effect = Effect.READ) -> Call:
    return Call(service, "GET", "/x", effect)


def converse(connect_to, cloud: KeyCloud, *calls: Call, credentials=TOKEN, **known: Any):
    async def conversation():
        options = {"credentials": credentials, "project_id": None, "domain_id": None} | known
        async with connect_to(cloud, **options) as connected, connected.channel() as channel:
            for each in calls:
                await channel.send(each, lambda _: None)
            return connected

    return asyncio.run(conversation())


def test_a_token_is_exchanged_once_for_keys_that_serve_billing_too(connect_to) -> None:
    cloud = KeyCloud()
    connected = converse(connect_to, cloud, call(), call(Service.BILLING))
    assert (connected.identity.account, connected.identity.project) == ("d", "p")
    assert cloud.used == [("iam", "canary-1"), ("modelarts", "canary-1"), ("bss", "canary-1")]
    (exchange,) = cloud.given
    assert exchange.headers["x-auth-token"] == "canary-token"
    assert json.loads(exchange.content)["auth"]["identity"]["methods"] == ["token"]


def test_a_token_is_asked_whose_it_is_so_that_its_user_is_known_again(connect_to) -> None:
    cloud = KeyCloud()
    users = [converse(connect_to, cloud, credentials=IssuedToken(Secret(one))).user for one in ("canary-1", "canary-2")]
    assert (len(users[0]), users[0] == users[1]) == (16, True)
    assert cloud.asked[0] == {"methods": ["token"], "token": {"id": "canary-1"}}
    cloud.user = "user-2"
    assert converse(connect_to, cloud).user not in {"", *users}
    for nobody in ("", None, 7):
        cloud = KeyCloud()
        cloud.user = nobody
        assert converse(connect_to, cloud).user == ""
    assert converse(connect_to, cloud, user_named="pipeline").user not in {"", *users}


def test_the_metadata_service_is_asked_without_anything_of_ours(connect_to) -> None:
    cloud = KeyCloud()
    converse(connect_to, cloud, call(), credentials=InstanceAgency())
    (asked,) = cloud.given
    assert (asked.method, str(asked.url), asked.content) == ("GET", METADATA, b"")
    assert not {"authorization", "x-auth-token", "x-security-token"} & set(asked.headers)


@pytest.mark.parametrize("source", SOURCES)
def test_a_key_is_renewed_before_it_ends(connect_to, time, source) -> None:
    cloud = KeyCloud()

    async def conversation():
        options = {"credentials": source, "project_id": "p", "domain_id": "d"}
        async with connect_to(cloud, **options) as connected, connected.channel() as channel:
            for minutes in (0, 49, 2):
                time.seconds += minutes * 60
                await channel.send(call(), lambda _: None)
            return connected.credentials_end

    cloud.credential |= {"expires_at": "2026-01-01T13:00:00Z"}
    end = asyncio.run(conversation())
    assert [key for _host, key in cloud.used] == ["canary-1", "canary-1", "canary-2"]
    assert end is not None


def test_a_key_that_ended_early_is_replaced_once_for_a_read(connect_to) -> None:
    cloud = KeyCloud()
    cloud.disbelieved = {"canary-1"}
    converse(connect_to, cloud, call(), project_id="p", domain_id="d")
    assert [key for _host, key in cloud.used] == ["canary-1", "canary-2"]


@pytest.mark.parametrize("source", SOURCES)
def test_a_refused_exchange_means_that_nothing_was_sent(connect_to, source) -> None:
    cloud = KeyCloud()
    cloud.refuses_to_give = 401
    with pytest.raises(CallFailed) as failed:
        converse(connect_to, cloud, call(effect=Effect.PURCHASE), credentials=source, project_id="p", domain_id="d")
    assert failed.value.outcome is Outcome.NOT_SENT
    assert failed.value.message.startswith("signing in failed: ")
    assert "canary" not in failed.value.message or source is not TOKEN
    assert cloud.used == []


@pytest.mark.parametrize(
    "credential", [{"expires_at": None}, {"expires_at": "soon"}, {"secret": ""}, {"securitytoken": 7}, {"access": None}]
)
def test_half_a_key_is_no_key(connect_to, credential) -> None:
    with pytest.raises(CloudError, match="holds no temporary key"):
        converse(connect_to, KeyCloud(**credential))
