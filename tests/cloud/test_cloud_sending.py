"""What goes over the wire for a call, and what a good answer becomes."""

import asyncio
import json
from datetime import UTC, datetime
from types import MappingProxyType

import httpx
import pytest

from provisioner.cloud import AccessKey, connect, sandbox_endpoints
from provisioner.model.flow import Call, CallFailed, Effect, Outcome, Reply, Service
from provisioner.model.secret import Secret, SecretReference, SecretSource

DEV_SERVERS = "/v1/{project_id}/dev-servers"
PASSWORD = SecretReference(SecretSource.ENVIRONMENT, "GATEWAY_PASSWORD")


def reveal(reference: SecretReference) -> Secret:
    assert reference == PASSWORD
    return Secret('canary"\\ü')


def read(path: str = DEV_SERVERS, service: Service = Service.MODELARTS, **query: str | int) -> Call:
    return Call(service, "GET", path, Effect.READ, query=query)


class Recorder:
    """Answers everything alike and keeps what it was asked."""

    def __init__(self, answer: httpx.Response | None = None) -> None:
        self.requests: list[httpx.Request] = []
        self.answer = answer or httpx.Response(200, json={"id": "x"})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(self.answer.status_code, headers=self.answer.headers, content=self.answer.content)


def send(connect_to, handler, *calls: Call, **changes) -> list[Reply]:
    async def conversation() -> list[Reply]:
        async with connect_to(handler, **changes) as cloud, cloud.channel() as channel:
            return [await channel.send(call, reveal) for call in calls]

    return asyncio.run(conversation())


def test_the_project_is_filled_in_and_path_and_query_are_encoded(connect_to) -> None:
    recorder = Recorder()
    send(connect_to, recorder, read(f"{DEV_SERVERS}/a b?c", sort_key="createTime", limit=100, name="x/y+z"))
    assert str(recorder.requests[0].url) == (
        "https://modelarts.cn-north-4.myhuaweicloud.com/v1/project-1/dev-servers/a%20b%3Fc"
        "?limit=100&name=x%2Fy%2Bz&sort_key=createTime"
    )


@pytest.mark.parametrize("path", [f"{DEV_SERVERS}/..", f"{DEV_SERVERS}/../x", f"{DEV_SERVERS}/."])
def test_an_id_that_would_change_the_path_is_never_sent(connect_to, path: str) -> None:
    recorder = Recorder()
    with pytest.raises(CallFailed) as failed:
        send(connect_to, recorder, Call(Service.MODELARTS, "DELETE", path, Effect.DESTRUCTIVE))
    assert failed.value.outcome is Outcome.NOT_SENT
    assert recorder.requests == []


def test_the_body_keeps_its_order_and_secrets_are_put_in_at_last(connect_to) -> None:
    recorder = Recorder()
    body = {
        "name": "gateway",
        "admin_pass": PASSWORD,
        "count": 1,
        "tags": ("b", "a"),
        "network": MappingProxyType({"vpc_id": "v"}),
    }
    send(connect_to, recorder, Call(Service.MODELARTS, "POST", DEV_SERVERS, Effect.PURCHASE, body=body))
    content = recorder.requests[0].content
    assert content.startswith(b'{"name":"gateway","admin_pass":"canary')
    assert json.loads(content) == body | {"admin_pass": 'canary"\\ü', "tags": ["b", "a"], "network": {"vpc_id": "v"}}


def test_a_call_without_a_body_has_none(connect_to) -> None:
    recorder = Recorder()
    send(connect_to, recorder, Call(Service.MODELARTS, "PUT", DEV_SERVERS, Effect.REPEATABLE))
    assert recorder.requests[0].content == b""


def test_each_service_is_told_whose_business_it_is(connect_to) -> None:
    recorder = Recorder()
    key = AccessKey("AK", Secret("SK"), Secret("temporary"))
    send(connect_to, recorder, *(read("/x", service) for service in Service), credentials=key)
    headers = {request.url.host.partition(".")[0]: request.headers for request in recorder.requests}
    assert headers["modelarts"]["x-project-id"] == "project-1"
    assert headers["bss"]["x-domain-id"] == "account-1"
    assert "x-project-id" not in headers["bss"]
    assert {"x-project-id", "x-domain-id"}.isdisjoint(headers["iam"])
    for sent in headers.values():
        assert sent["x-security-token"] == "temporary"
        assert "host;" in sent["authorization"]
        assert sent["user-agent"] == "provisioner/test"


def test_a_reply_brings_its_body_request_id_and_the_servers_time(connect_to) -> None:
    date = "Thu, 01 Jan 2026 12:00:00 GMT"
    recorder = Recorder(httpx.Response(201, json=[1], headers={"X-Request-Id": "req-1", "Date": date}))
    (reply,) = send(connect_to, recorder, read())
    noon = int(datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp() * 1000)
    assert reply == Reply(201, [1], "req-1", noon)


@pytest.mark.parametrize("answer", [httpx.Response(204), httpx.Response(200, content=b"")])
def test_an_empty_answer_is_a_reply_without_a_body(connect_to, answer: httpx.Response) -> None:
    (reply,) = send(connect_to, Recorder(answer), read())
    assert reply.body is None


@pytest.mark.parametrize("headers", [{"Date": "yesterday"}, {"X-Request-Id": "\x1b[31m"}, {"Date": ""}])
def test_nonsense_in_headers_is_nothing(connect_to, headers: dict[str, str]) -> None:
    (reply,) = send(connect_to, Recorder(httpx.Response(200, json={}, headers=headers)), read())
    assert (reply.request_id, reply.server_time) == (None, None)


def test_the_requests_of_all_channels_are_counted(connect_to) -> None:
    async def conversation() -> tuple[int, int]:
        async with connect_to(Recorder()) as cloud:
            before = cloud.requests
            async with cloud.channel() as one, cloud.channel() as other:
                await one.send(read(), reveal)
                await other.send(read(), reveal)
            return before, cloud.requests

    assert asyncio.run(conversation()) == (0, 2)


def test_an_application_in_the_process_takes_the_clouds_place() -> None:
    hosts = []

    async def app(scope, receive, send) -> None:
        hosts.append(dict(scope["headers"])[b"host"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'{"total":0}'})

    async def conversation() -> Reply:
        async with (
            connect(
                endpoints=sandbox_endpoints("cn-north-4"),
                credentials=AccessKey("AK", Secret("SK")),
                region="cn-north-4",
                project_id="p",
                domain_id="d",
                user_agent="t",
                app=app,
            ) as cloud,
            cloud.channel() as channel,
        ):
            return await channel.send(read(), reveal)

    assert asyncio.run(conversation()).body == {"total": 0}
    assert hosts == [b"modelarts.cn-north-4.sandbox.invalid"]


def test_an_application_that_raises_has_answered_500() -> None:
    async def app(scope, receive, send) -> None:
        raise RuntimeError

    async def conversation() -> None:
        key = AccessKey("AK", Secret("SK"))
        endpoints = sandbox_endpoints("r")
        async with (
            connect(
                endpoints=endpoints, credentials=key, region="r", project_id="p", domain_id="d", user_agent="t", app=app
            ) as cloud,
            cloud.channel() as channel,
        ):
            await channel.send(Call(Service.MODELARTS, "POST", DEV_SERVERS, Effect.PURCHASE), reveal)

    with pytest.raises(CallFailed) as failed:
        asyncio.run(conversation())
    assert (failed.value.outcome, failed.value.status) == (Outcome.UNKNOWN, 500)
