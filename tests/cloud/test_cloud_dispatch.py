"""A journaled call is bound to its intent: signed with its time, checked right before it leaves, and signed by a key of
the user's own where a token would not do.
"""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from support.token_cloud import USER, TokenCloud

from provisioner.model.diagnostic import CloudError
from provisioner.model.flow import Call, CallFailed, Dispatch, Effect, Outcome, SentTooLate, Service

EXCHANGE = "/v3.0/OS-CREDENTIAL/securitytokens"
PURCHASE = Call(Service.MODELARTS, "POST", "/v1/{project_id}/dev-servers", Effect.PURCHASE, body={"name": "a"})
READ = Call(Service.MODELARTS, "GET", "/v1/{project_id}/dev-servers", Effect.READ)
AS_USER = {"credentials": USER, "project_id": "p", "domain_id": "d"}
INTENT = 1_767_268_800_000 - 7 * 60_000
"""Milliseconds: seven minutes before the present time of these tests, by the cloud's clock."""


def dispatch(*, must_be_signed=False, check=lambda: None):
    return Dispatch(INTENT, must_be_signed, check)


class KeyAndTokenCloud(TokenCloud):
    """Exchanges its tokens for temporary keys, too, unless it `refuses` to."""

    refuses = False

    def __init__(self):
        super().__init__()
        self.requests: list[httpx.Request] = []
        self.exchanges: list[httpx.Request] = []
        self.disbelieves_keys = False

    def __call__(self, request):
        date = {"Date": "Thu, 01 Jan 2026 12:00:00 GMT"}
        if request.url.path == EXCHANGE:
            self.exchanges.append(request)
            if self.refuses:
                return httpx.Response(403, json={"error": {"code": 403, "message": "not allowed"}}, headers=date)
            number = len(self.exchanges)
            key = {"access": f"AK{number}", "secret": "canary-secret", "securitytoken": f"canary-{number}"}
            key |= {"expires_at": "2026-01-01T13:00:00.000000Z"}
            return httpx.Response(201, json={"credential": key}, headers=date)
        if request.url.path == "/v3/auth/tokens":
            return super().__call__(request)
        self.requests.append(request)
        if "x-security-token" in request.headers and self.disbelieves_keys:
            return httpx.Response(401, json={"error_code": "APIGW.0301", "error_msg": "no"}, headers=date)
        return httpx.Response(200, json={"id": "x"}, headers=date)


def send(connect_to, cloud, *calls, **options):
    async def conversation():
        async with connect_to(cloud, **options) as connected, connected.channel() as channel:
            return [await channel.send(call, lambda _: None, bound) for call, bound in calls]

    return asyncio.run(conversation())


def test_a_purchase_is_signed_with_the_time_of_its_intent_and_a_read_with_the_present(connect_to):
    requests = []

    def answer(request):
        requests.append(request)
        return httpx.Response(200, json={"id": "x"})

    send(connect_to, answer, (READ, None), (PURCHASE, dispatch()))
    assert [one.headers["x-sdk-date"] for one in requests] == ["20260101T120000Z", "20260101T115300Z"]
    assert all("x-sdk-date" in one.headers["authorization"] for one in requests)


def test_what_may_not_leave_any_more_does_not(connect_to):
    requests = []

    def too_late():
        raise SentTooLate("this machine stood still")

    with pytest.raises(SentTooLate) as caught:
        send(connect_to, requests.append, (PURCHASE, dispatch(check=too_late)))
    assert caught.value.outcome is Outcome.NOT_SENT
    assert requests == []


def test_the_check_comes_after_everything_that_takes_time(connect_to):
    cloud = KeyAndTokenCloud()
    seen = []
    bound = dispatch(must_be_signed=True, check=lambda: seen.append((len(cloud.exchanges), len(cloud.requests))))
    send(connect_to, cloud, (PURCHASE, bound), **AS_USER)
    assert seen == [(1, 0)]


def test_a_user_with_a_password_signs_what_must_be_signed_by_a_key_of_its_own(connect_to):
    cloud = KeyAndTokenCloud()
    signed = (PURCHASE, dispatch(must_be_signed=True))
    send(connect_to, cloud, (READ, None), (PURCHASE, dispatch()), signed, signed, **AS_USER)
    (exchange,) = cloud.exchanges
    assert exchange.headers["x-auth-token"].startswith("canary-token-")
    assert json.loads(exchange.content)["auth"]["identity"]["methods"] == ["token"]
    read, unsigned, *others = cloud.requests
    assert all("x-auth-token" in one.headers and "authorization" not in one.headers for one in (read, unsigned))
    for one in others:
        assert "x-auth-token" not in one.headers
        assert (one.headers["x-security-token"], one.headers["x-sdk-date"]) == ("canary-1", "20260101T115300Z")
        assert "Access=AK1," in one.headers["authorization"]


def test_a_key_that_is_refused_is_exchanged_anew_and_the_purchase_is_not_repeated(connect_to):
    cloud = KeyAndTokenCloud()
    cloud.disbelieves_keys = True

    async def conversation():
        async with connect_to(cloud, **AS_USER) as connected, connected.channel() as channel:
            for _ in range(2):
                with pytest.raises(CallFailed) as caught:
                    await channel.send(PURCHASE, lambda _: None, dispatch(must_be_signed=True))
                assert caught.value.outcome is Outcome.REFUSED
            await channel.send(READ, lambda _: None)

    asyncio.run(conversation())
    assert (len(cloud.requests), len(cloud.exchanges), len(cloud.asked)) == (3, 2, 1)


def test_where_no_key_can_be_had_nothing_is_bought_and_it_is_said_what_to_grant(connect_to):
    cloud = KeyAndTokenCloud()
    cloud.refuses = True

    async def conversation():
        async with connect_to(cloud, **AS_USER) as connected, connected.channel() as channel:
            with pytest.raises(CloudError) as unsigned:
                await connected.prepare_signing()
            with pytest.raises(CallFailed) as failed:
                await channel.send(PURCHASE, lambda _: None, dispatch(must_be_signed=True))
            return unsigned.value.diagnostics[0], failed.value

    finding, failed = asyncio.run(conversation())
    assert finding.code == "purchases-unsigned"
    assert "lock of this state is a lease" in finding.hint
    assert "HW_ACCESS_KEY" in finding.hint
    assert failed.outcome is Outcome.NOT_SENT
    assert cloud.requests == []


def test_who_signs_anyway_needs_nothing_more(connect_to):
    async def conversation():
        async with connect_to(lambda _: httpx.Response(500)) as connected:
            await connected.prepare_signing()
            return connected.requests

    assert asyncio.run(conversation()) == 0
