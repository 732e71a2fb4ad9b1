"""The first purchase of each flavor goes alone until its charging mode shows, and a mismatch stops every further
purchase.
"""

from __future__ import annotations

import asyncio

import pytest

from provisioner.applying.first_purchases import FirstPurchases, PurchasesStopped
from provisioner.applying.interruption import Interruption
from provisioner.model.address import Address
from provisioner.model.flow import Effect, Outcome

A, B, C = (Address(name) for name in "abc")
KEY, OTHER_KEY = ("dev_server", None), ("other", None)


def test_a_mismatch_sells_one_and_no_more(harness, servers, result_types):
    harness.cloud.answers(Effect.PURCHASE, {"id": "id-1", "charging_mode": "PRE_PAID"})
    result = harness.apply(*servers(12))
    assert result_types(result) == ["failed"] + ["not_started"] * 11
    assert harness.cloud.purchases == {"trainer-0": 1}
    assert result.results[0].diagnostic.code == "charging-mismatch"
    assert {one.diagnostic.code for one in result.results[1:]} == {"purchases-stopped"}
    assert [one.id for one in harness.state.resources.values()] == ["id-1"]
    assert not harness.state.intents


def test_an_order_without_a_mode_is_a_mismatch_too(harness, servers, result_types):
    harness.cloud.answers(Effect.PURCHASE, {"id": "id-1", "order_id": "CS7"})
    assert result_types(harness.apply(*servers(3))) == ["failed"] + ["not_started"] * 2
    assert harness.cloud.purchases == {"trainer-0": 1}


def test_a_later_mismatch_stops_what_has_not_been_sent(harness, servers, result_types):
    harness.cloud.answers(Effect.PURCHASE, {"id": "id-2", "charging_mode": "PRE_PAID"}, name="trainer-1")
    result = harness.apply(*servers(6), parallelism=1)
    assert (
        result_types(result) == ["done", "failed", "done"] + ["not_started"] * 3
    )  # one was in flight before the answer was read
    assert sum(harness.cloud.purchases.values()) == 3


def test_an_answer_without_a_mode_is_judged_by_the_row(harness, servers, result_types):
    harness.cloud.answers(Effect.PURCHASE, {"id": "id-1"})
    assert result_types(harness.apply(*servers(3))) == ["done"] * 3
    sent = harness.cloud.sent()
    assert "list" in sent[sent.index("buy trainer-0") : sent.index("buy trainer-1")]  # its row first, then the others


def test_a_lost_reply_or_a_refusal_hands_over_to_the_next(harness, servers, result_types):
    harness.cloud.fails(Effect.PURCHASE, Outcome.UNKNOWN, executed=True, name="trainer-0")
    harness.cloud.fails(Effect.PURCHASE, Outcome.REFUSED, name="trainer-1")
    assert result_types(harness.apply(*servers(4))) == ["in_doubt", "failed", "done", "done"]
    assert harness.cloud.purchases == {"trainer-0": 1, "trainer-2": 1, "trainer-3": 1}


def test_a_replacement_releases_nothing_once_the_cloud_sells_otherwise(harness, servers, result_types):
    harness.apply(*servers(3))
    harness.cloud.answers(Effect.PURCHASE, {"id": "id-4", "charging_mode": "PRE_PAID"})
    result = harness.apply(*servers(3, flavor="larger"))
    assert result_types(result) == ["failed", "not_started", "not_started"]
    assert len(harness.cloud.sent(Effect.DESTRUCTIVE)) == 1


def test_nobody_waits_for_ever():
    async def run():
        first_purchases = FirstPurchases(Interruption(), longest_wait=0.0)
        await first_purchases.enter(KEY, A)
        first_purchases.note_answer(A)
        await asyncio.wait_for(first_purchases.enter(KEY, B), 5)

    asyncio.run(run())


def test_one_after_the_other_while_nothing_is_shown_and_a_purchase_before_a_replacement():
    async def run():
        first_purchases, order = FirstPurchases(Interruption()), []

        async def wait_in(enter, name, address):
            await enter(KEY, address)
            order.append(name)

        await first_purchases.enter(KEY, A)
        replacing = asyncio.ensure_future(wait_in(first_purchases.enter_release, "release of b", B))
        buying = asyncio.ensure_future(wait_in(first_purchases.enter, "purchase of c", C))
        await asyncio.sleep(0)
        first_purchases.leave(A)
        await buying
        assert order == ["purchase of c"]
        first_purchases.note_sale(C, as_wanted=True)
        await replacing
        assert order == ["purchase of c", "release of b"]

    asyncio.run(run())


def test_a_stop_holds_for_every_flavor_and_wakes_whoever_waits():
    async def run():
        first_purchases = FirstPurchases(Interruption())
        await first_purchases.enter(KEY, A)
        waiting = asyncio.ensure_future(first_purchases.enter(KEY, B))
        await asyncio.sleep(0)
        first_purchases.note_sale(A, as_wanted=False)
        with pytest.raises(PurchasesStopped, match="a"):
            await waiting
        with pytest.raises(PurchasesStopped):
            await first_purchases.enter(OTHER_KEY, C)

    asyncio.run(run())


def test_an_interruption_wakes_whoever_waits():
    async def run():
        interruption = Interruption()
        first_purchases = FirstPurchases(interruption)
        await first_purchases.enter(KEY, A)
        waiting = asyncio.ensure_future(first_purchases.enter(KEY, B))
        await asyncio.sleep(0)
        interruption.request()
        await asyncio.wait_for(waiting, 5)

    asyncio.run(run())
