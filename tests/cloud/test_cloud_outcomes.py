"""What is known after a call that did not end well: the table that a purchase's safety rests on."""

import asyncio
from typing import Any

import httpx
import pytest

from provisioner.cloud import translate
from provisioner.model.flow import Call, CallFailed, Effect, Outcome, PartialListing, Service
from provisioner.web.client import MAX_ANSWER

ONCE = (Effect.PURCHASE, Effect.DESTRUCTIVE)
CREATE = "/v1/{project_id}/dev-servers"


def fail(connect_to, handler, effect: Effect = Effect.PURCHASE, **changes: Any) -> tuple[CallFailed, int]:
    """The failure, and how many requests were sent for it."""

    async def conversation() -> tuple[CallFailed, int]:
        async with connect_to(handler, **changes) as cloud, cloud.channel() as channel:
            with pytest.raises(CallFailed) as failed:
                await channel.send(Call(Service.MODELARTS, "POST", CREATE, effect, body={"name": "a"}), lambda _: None)
            return failed.value, cloud.requests

    return asyncio.run(conversation())


def answering(status: int, content: bytes = b'{"error_code": "X.1", "error_msg": "no"}', **headers: str):
    return lambda _request: httpx.Response(status, content=content, headers=headers)


def raising(failure: Exception):
    def handler(_request: httpx.Request) -> httpx.Response:
        raise failure

    return handler


class Broken(httpx.AsyncByteStream):
    """A body that breaks off."""

    async def __aiter__(self):
        yield b'{"id": '
        raise httpx.RemoteProtocolError("peer closed connection")


class Endless(httpx.AsyncByteStream):
    async def __aiter__(self):
        while True:
            yield b"x" * (MAX_ANSWER // 4)


class NotGzip(httpx.AsyncByteStream):
    async def __aiter__(self):
        yield b"not gzip"


def streaming(status: int, stream: httpx.AsyncByteStream, **headers: str):
    return lambda _request: httpx.Response(status, stream=stream, headers=headers)


SILENCES = [
    (httpx.ConnectError("refused"), Outcome.NOT_SENT),
    (httpx.ConnectTimeout("slow"), Outcome.NOT_SENT),
    (httpx.PoolTimeout("busy"), Outcome.NOT_SENT),
    (httpx.ProxyError("407 Proxy Authentication Required"), Outcome.NOT_SENT),
    (httpx.ReadTimeout("slow"), Outcome.UNKNOWN),
    (httpx.WriteTimeout("slow"), Outcome.UNKNOWN),
    (httpx.ReadError("reset"), Outcome.UNKNOWN),
    (httpx.WriteError("reset"), Outcome.UNKNOWN),
    (httpx.CloseError("reset"), Outcome.UNKNOWN),
    (httpx.RemoteProtocolError("closed"), Outcome.UNKNOWN),
    (httpx.LocalProtocolError("odd"), Outcome.UNKNOWN),
    (httpx.DecodingError("gzip"), Outcome.UNKNOWN),
    (ConnectionResetError("reset"), Outcome.UNKNOWN),
]
ANSWERS = [
    *((answering(status), Outcome.UNKNOWN, status) for status in (300, 301, 302, 307, 308, 500, 502, 503, 504, 599)),
    *((answering(status), Outcome.REFUSED, status) for status in (400, 401, 403, 404, 409, 413, 422, 429)),
    *((answering(status), Outcome.UNKNOWN, status) for status in (408, 425, 499)),
    (answering(200, b"<html>hello</html>"), Outcome.UNKNOWN, 200),
    (answering(200, b'{"id": "x"'), Outcome.UNKNOWN, 200),
    (answering(200, b'{"id": NaN}'), Outcome.UNKNOWN, 200),
    (streaming(200, NotGzip(), **{"Content-Encoding": "gzip"}), Outcome.UNKNOWN, 200),
    (streaming(200, Broken()), Outcome.UNKNOWN, 200),
    (streaming(200, Endless()), Outcome.UNKNOWN, 200),
    (streaming(400, Broken()), Outcome.REFUSED, 400),
    (streaming(500, Broken()), Outcome.UNKNOWN, 500),
]


@pytest.mark.parametrize("effect", ONCE)
@pytest.mark.parametrize(("failure", "outcome"), SILENCES, ids=lambda value: type(value).__name__)
def test_silence_is_not_sent_only_when_provably_nothing_left(connect_to, effect, failure, outcome) -> None:
    failed, sent = fail(connect_to, raising(failure), effect)
    assert (failed.outcome, failed.status, failed.code) == (outcome, None, None)
    assert sent == 1


@pytest.mark.parametrize("effect", ONCE)
@pytest.mark.parametrize(("handler", "outcome", "status"), ANSWERS)
def test_an_answer_is_classed_by_its_status_and_whether_it_is_whole(
    connect_to, effect, handler, outcome, status
) -> None:
    failed, sent = fail(connect_to, handler, effect)
    assert (failed.outcome, failed.status) == (outcome, status)
    assert failed.code is not None
    assert sent == 1


def test_a_purchase_is_not_sent_again_even_when_the_server_asks_for_it(connect_to, time) -> None:
    _failed, sent = fail(connect_to, answering(429, **{"Retry-After": "1"}))
    assert (sent, time.slept) == (1, [])


def test_a_redirect_is_never_followed(connect_to) -> None:
    failed, sent = fail(connect_to, answering(307, Location="https://evil.example/"), Effect.READ)
    assert sent == 1
    assert "redirect" in failed.message


ERROR_BODIES = [
    ('{"error_code": "ModelArts.0104", "error_msg": "text"}', "ModelArts.0104"),
    ('{"error_code": "APIGW.0301", "error_msg": "text", "request_id": "from-body"}', "APIG.0301"),
    ('{"errorCode": "E.2", "errorMsg": "text"}', "E.2"),
    ('{"code": "E.3", "message": "text"}', "E.3"),
    ('{"error": {"code": 401, "message": "text", "title": "Unauthorized"}}', "401"),
    ('{"error": {"error_code": "E.4", "error_msg": "text"}}', "E.4"),
    ('{"error_code": "ModelArts.6404", "error_message": "text", "is_success": false}', "ModelArts.6404"),
    ("text", "400"),
    ('"text"', "400"),
    ('{"unheard": "text"}', "400"),
    ("", "400"),
    ('{"error_code": null, "error_msg": null}', "400"),
]


@pytest.mark.parametrize(("body", "code"), ERROR_BODIES)
def test_every_shape_of_error_body_is_understood(connect_to, body: str, code: str) -> None:
    failed, _sent = fail(connect_to, answering(400, body.encode()))
    assert failed.code == code
    assert ("text" in failed.message) is ("text" in body)
    assert failed.message.startswith("POST /v1/project-1/dev-servers was refused: ")


def test_the_outer_object_is_asked_before_what_lies_inside_it(connect_to) -> None:
    body = b'{"code": "OUTER", "message": "m", "detail": {"error_code": "INNER", "error_msg": "m"}}'
    assert fail(connect_to, answering(400, body))[0].code == "OUTER"


def test_the_request_id_is_the_headers_or_else_the_bodys(connect_to) -> None:
    body = b'{"error_code": "X", "error_msg": "m", "request_id": "from-body"}'
    assert fail(connect_to, answering(400, body))[0].request_id == "from-body"
    assert fail(connect_to, answering(400, body, **{"X-Request-Id": "from-header"}))[0].request_id == "from-header"
    odd = b'{"error_code": "X", "error_msg": "m", "request_id": "a\\u001b[31m"}'
    assert fail(connect_to, answering(400, odd))[0].request_id is None


def test_a_long_text_is_cut(connect_to) -> None:
    failed, _sent = fail(connect_to, answering(502, b"<p>" + b"long " * 10_000))
    assert len(failed.message) < 600
    assert "…" in failed.message


def test_not_found_is_recognised(connect_to) -> None:
    assert fail(connect_to, answering(400, b'{"error_code": "ModelArts.6404", "error_msg": "m"}'))[0].not_found
    assert not fail(connect_to, answering(404, b'{"error_code": "APIGW.0101", "error_msg": "m"}'))[0].not_found


def test_a_401_says_what_to_check_and_mentions_the_clock_only_when_it_is_off(connect_to) -> None:
    off = fail(connect_to, answering(401, Date="Thu, 01 Jan 2026 12:31:00 GMT"))[0]
    assert "HW_ACCESS_KEY" in off.message
    assert "the server says 2026-01-01 12:31:00 UTC, this machine 2026-01-01 12:00:00 UTC" in off.message
    right = fail(connect_to, answering(401, Date="Thu, 01 Jan 2026 12:01:00 GMT"))[0]
    assert "HW_ACCESS_KEY" in right.message
    assert "clock" not in right.message


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_an_answer_nested_beyond_all_measure_is_not_believed(connect_to, opening):
    """It could not be written down either: what a journal cannot hold must not be learnt."""
    closing = b"]" if opening == b"[" else b"}"
    body = b'{"id": "x", "volumes": ' + opening * 100 + b"1" + closing * 100 + b"}"
    failed, requests = fail(connect_to, answering(200, body))
    assert (failed.outcome, requests) == (Outcome.UNKNOWN, 1)
    assert "nested more than 64 deep" in failed.message


def test_a_list_that_is_not_whole_is_the_clouds_fault_and_not_the_networks():
    (finding,) = translate(PartialListing("the list is incomplete", ()), "listing the servers").diagnostics
    assert finding.code == "cloud-error"
    assert "HTTPS_PROXY" not in finding.hint
