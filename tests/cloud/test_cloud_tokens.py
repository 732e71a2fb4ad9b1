"""An IAM user's password, exchanged for tokens."""

import asyncio
from typing import Any

import httpx
import pytest
from support.token_cloud import USER, TokenCloud, call

from provisioner.model.diagnostic import CloudError, UsageError
from provisioner.model.flow import Call, CallFailed, Effect, Outcome, Service
from provisioner.model.identity import Identity

UNKNOWN_SCOPE = {"credentials": USER, "project_id": None, "domain_id": None}


def converse(connect_to, cloud: TokenCloud, *calls: Call, **changes: Any) -> Identity:
    async def conversation() -> Identity:
        async with connect_to(cloud, **UNKNOWN_SCOPE | changes) as connected, connected.channel() as channel:
            for each in calls:
                await channel.send(each, lambda _: USER.password)
            return connected.identity

    return asyncio.run(conversation())


def test_the_token_says_who_we_are(connect_to) -> None:
    cloud = TokenCloud()
    assert converse(connect_to, cloud) == Identity("d", "p", "cn-north-4")
    user = {"domain": {"name": "acme"}, "name": "ann", "password": "canary-password"}
    assert cloud.asked == [
        {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": {"name": "cn-north-4"}},
            }
        }
    ]


def test_the_account_may_be_the_users(connect_to) -> None:
    cloud = TokenCloud(project={"id": "p"}, user={"domain": {"id": "d"}})
    assert converse(connect_to, cloud).account == "d"


def test_project_and_account_are_named_by_id_where_the_ids_are_known(connect_to) -> None:
    cloud = TokenCloud()
    converse(connect_to, cloud, call(Service.BILLING), project_id="p", domain_id="d")
    assert cloud.scopes == [{"project": {"id": "p"}}, {"domain": {"id": "d"}}]


def test_each_scope_has_one_token_for_all_channels(connect_to) -> None:
    cloud = TokenCloud()

    async def conversation() -> None:
        async with connect_to(cloud, **UNKNOWN_SCOPE) as connected:

            async def work() -> None:
                async with connected.channel() as channel:
                    for service in (Service.MODELARTS, Service.BILLING, Service.IDENTITY):
                        await channel.send(call(service), lambda _: USER.password)

            await asyncio.gather(*(work() for _ in range(5)))

    asyncio.run(conversation())
    assert cloud.scopes == [{"project": {"name": "cn-north-4"}}, {"domain": {"name": "acme"}}]
    assert set(cloud.used) == {("modelarts", "canary-token-1"), ("bss", "canary-token-2"), ("iam", "canary-token-1")}


def test_a_token_is_renewed_before_it_ends(connect_to, time) -> None:
    cloud = TokenCloud()

    async def conversation() -> None:
        async with connect_to(cloud, **UNKNOWN_SCOPE) as connected, connected.channel() as channel:
            for hours in (0, 23, 0.95):
                time.seconds += hours * 3600
                await channel.send(call(), lambda _: USER.password)

    asyncio.run(conversation())
    assert [token for _host, token in cloud.used] == ["canary-token-1", "canary-token-1", "canary-token-2"]


@pytest.mark.parametrize(
    "disbelief",
    [
        httpx.Response(401, json={"error_code": "APIGW.0301", "error_msg": "expired"}),
        httpx.Response(403, json={"error_code": "CBC.0154", "error_msg": "expired"}),
    ],
)
def test_a_token_that_ended_early_is_renewed_once_for_a_read(connect_to, disbelief) -> None:
    cloud = TokenCloud()
    cloud.disbelieved, cloud.answer_to_disbelief = {"canary-token-1"}, disbelief
    converse(connect_to, cloud, call())
    assert [token for _host, token in cloud.used] == ["canary-token-1", "canary-token-2"]


def test_a_second_refusal_is_believed(connect_to) -> None:
    cloud = TokenCloud()
    cloud.disbelieved = {f"canary-token-{number}" for number in range(9)}
    with pytest.raises(CallFailed) as failed:
        converse(connect_to, cloud, call())
    assert failed.value.status == 401
    assert len(cloud.used) == 2


@pytest.mark.parametrize("effect", [Effect.PURCHASE, Effect.DESTRUCTIVE])
def test_a_purchase_is_not_sent_again_for_a_stale_token_but_the_next_has_a_fresh_one(connect_to, effect) -> None:
    cloud = TokenCloud()
    cloud.disbelieved = {"canary-token-1"}

    async def conversation() -> CallFailed:
        async with connect_to(cloud, **UNKNOWN_SCOPE) as connected, connected.channel() as channel:
            with pytest.raises(CallFailed) as failed:
                await channel.send(call(effect=effect), lambda _: USER.password)
            await channel.send(call(effect=effect), lambda _: USER.password)
            return failed.value

    assert asyncio.run(conversation()).outcome is Outcome.REFUSED
    assert [token for _host, token in cloud.used] == ["canary-token-1", "canary-token-2"]


def test_a_wrong_password_is_tried_once_and_said_plainly(connect_to) -> None:
    cloud = TokenCloud()
    cloud.refuses_to_issue = 401
    with pytest.raises(CloudError) as refused:
        converse(connect_to, cloud)
    (finding,) = refused.value.diagnostics
    assert finding.code == "cloud-unauthorized"
    assert "HW_USER_PASSWORD" in finding.summary
    assert "canary" not in repr(finding)
    assert len(cloud.asked) == 1


def test_a_password_that_stops_working_does_not_lock_the_account(connect_to) -> None:
    """However many channels want a token: each wrong password counts."""
    cloud = TokenCloud()

    async def conversation() -> list[Any]:
        async with connect_to(cloud, **UNKNOWN_SCOPE) as connected:
            cloud.refuses_to_issue = 401

            async def work() -> None:
                async with connected.channel() as channel:
                    await channel.send(call(Service.BILLING, Effect.PURCHASE), lambda _: USER.password)

            return await asyncio.gather(*(work() for _ in range(9)), return_exceptions=True)

    failures = asyncio.run(conversation())
    assert {(failure.outcome, failure.status) for failure in failures} == {(Outcome.NOT_SENT, 401)}
    assert len(cloud.asked) == 2
    assert cloud.used == []


@pytest.mark.parametrize("grant", [{"expires_at": None}, {"expires_at": "soon"}])
def test_a_token_without_an_end_is_no_token(connect_to, grant) -> None:
    with pytest.raises(CloudError, match="holds no token"):
        converse(connect_to, TokenCloud(**grant))


@pytest.mark.parametrize("grant", [{"project": {"id": "p"}}, {"project": {"domain": {"id": "d"}}}, {"project": 7}])
def test_a_token_that_does_not_say_who_we_are_is_not_enough(connect_to, grant) -> None:
    with pytest.raises(UsageError, match="does not say which account"):
        converse(connect_to, TokenCloud(**grant))


@pytest.mark.parametrize("scope", [{"domain_id": "mine"}, {"project_id": "mine"}])
def test_a_token_for_something_else_is_refused(connect_to, scope: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=r"reach no project .*mine"):
        converse(connect_to, TokenCloud(), **scope)
