"""What time it is in the cloud: told by ModelArts alone, in answers that no cache has touched, by the slowest and the fastest node."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from provisioner.model.flow import Call, CallFailed, Effect, Service

NOON = 1_767_268_800_000
"""2026-01-01 12:00:00 UTC in milliseconds."""
MINUTE = 60_000
BILLING = Call(Service.BILLING, "GET", "/v2/orders/customer-orders", Effect.READ)
SERVERS = Call(Service.MODELARTS, "GET", "/v1/{project_id}/dev-servers", Effect.READ)


def answer(minutes: float, status: int = 200, **headers: str) -> httpx.Response:
    """So many minutes after noon, by whoever answers."""
    date = f"Thu, 01 Jan 2026 12:{minutes:02}:00 GMT"
    return httpx.Response(status, json={}, headers={"Date": date, **headers})


@pytest.fixture
def told(connect_to, time):
    """Earliest and latest in minutes after noon, when these calls were answered so, ten seconds apart."""

    def play(*exchanges: tuple[Call, httpx.Response]) -> tuple[float | None, float | None]:
        answers = iter([reply for _, reply in exchanges])

        async def conversation():
            async with connect_to(lambda _: next(answers)) as cloud, cloud.channel() as channel:
                for call, reply in exchanges:
                    if reply.is_success:
                        await channel.ask(call)
                    else:
                        with pytest.raises(CallFailed):
                            await channel.ask(call)
                    time.seconds += 10
                return cloud.time().earliest(), cloud.time().latest()

        return tuple(None if one is None else (one - NOON) / MINUTE for one in asyncio.run(conversation()))

    return play


TEN_SECONDS = 10 / 60


def test_one_node_tells_both(told):
    assert told((SERVERS, answer(5))) == (5 + TEN_SECONDS, 5 + TEN_SECONDS)


def test_of_two_nodes_the_slowest_and_the_fastest_are_believed_whichever_spoke_last(told):
    behind_last = told((SERVERS, answer(14)), (SERVERS, answer(1)))
    ahead_last = told((SERVERS, answer(1)), (SERVERS, answer(14)))
    assert behind_last == (1 + TEN_SECONDS, 14 + 2 * TEN_SECONDS)
    assert ahead_last == (1 + 2 * TEN_SECONDS, 14 + TEN_SECONDS)


def test_billing_tells_the_time_of_nobody_else(told):
    assert told((BILLING, answer(30))) == (None, None)
    assert told((SERVERS, answer(5)), (BILLING, answer(30))) == (5 + 2 * TEN_SECONDS, 5 + 2 * TEN_SECONDS)


@pytest.mark.parametrize("age", ["1", "780", "odd", ""])
def test_an_answer_from_a_cache_tells_none(told, age):
    assert told((SERVERS, answer(30, Age=age))) == (None, None)


def test_a_cache_that_has_only_just_fetched_it_tells_the_time(told):
    assert told((SERVERS, answer(30, Age="0"))) == (30 + TEN_SECONDS, 30 + TEN_SECONDS)


def test_a_refusal_may_come_from_whatever_stands_before_the_service(told):
    assert told((SERVERS, answer(30, status=404))) == (None, None)
