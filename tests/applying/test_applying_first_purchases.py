"""The first purchase of each flavor goes alone until its mode is shown, and a mismatch stops every further purchase."""

from __future__ import annotations

import asyncio

import pytest

from provisioner.applying.first_purchases import FirstPurchases, PurchasesStopped
from provisioner.applying.interruption import Interruption
from provisioner.model.address import Address
from provisioner.model.flow import Effect, Outcome

A, B, C = (Address(name) for name in "abc")
DEAL, OTHER = ("dev_server", None), ("other", None)


def test_a_mismatch_sells_one_and_no_more(world, servers, types):
    world.cloud.answers(Effect.PURCHASE, {"id": "id-1", "charging_mode": "PRE_PAID"})
    result = world.apply(*servers(12))
    assert types(result) == ["failed"] + ["not_started"] * 11
    assert world.cloud.purchases == {"trainer-0": 1}
    assert result.results[0].diagnostic.code == "charging-mismatch"
    assert {one.diagnostic.code for one in result.results[1:]} == {"purchases-stopped"}
    assert [one.id for one in world.state.resources.values()] == ["id-1"]
    assert not world.state.intents


def test_an_order_without_a_mode_is_a_mismatch_too(world, servers, types):
    world.cloud.answers(Effect.PURCHASE, {"id": "id-1", "order_id": "CS7"})
    assert types(world.apply(*servers(3))) == ["failed"] + ["not_started"] * 2
    assert world.cloud.purchases == {"trainer-0": 1}


def test_a_later_mismatch_stops_what_has_not_been_sent(world, servers, types):
    world.cloud.answers(Effect.PURCHASE, {"id": "id-2", "charging_mode": "PRE_PAID"}, name="trainer-1")
    result = world.apply(*servers(6), parallelism=1)
    assert (
        types(result) == ["done", "failed", "done"] + ["not_started"] * 3
    )  # one was in flight before the answer was read
    assert sum(world.cloud.purchases.values()) == 3


def test_an_answer_without_a_mode_is_judged_by_the_row(world, servers, types):
    world.cloud.answers(Effect.PURCHASE, {"id": "id-1"})
    assert types(world.apply(*servers(3))) == ["done"] * 3
    sent = world.cloud.sent()
    assert "list" in sent[sent.index("buy trainer-0") : sent.index("buy trainer-1")]  # its row first, then the others


def test_a_lost_reply_or_a_refusal_hands_over_to_the_next(world, servers, types):
    world.cloud.fails(Effect.PURCHASE, Outcome.UNKNOWN, executed=True, name="trainer-0")
    world.cloud.fails(Effect.PURCHASE, Outcome.REFUSED, name="trainer-1")
    assert types(world.apply(*servers(4))) == ["in_doubt", "failed", "done", "done"]
    assert world.cloud.purchases == {"trainer-0": 1, "trainer-2": 1, "trainer-3": 1}


def test_a_replacement_releases_nothing_once_the_cloud_sells_otherwise(world, servers, types):
    world.apply(*servers(3))
    world.cloud.answers(Effect.PURCHASE, {"id": "id-4", "charging_mode": "PRE_PAID"})
    result = world.apply(*servers(3, flavor="larger"))
    assert types(result) == ["failed", "not_started", "not_started"]
    assert len(world.cloud.sent(Effect.DESTRUCTIVE)) == 1


def test_nobody_waits_for_ever():
    async def scene():
        first = FirstPurchases(Interruption(), longest_wait=0.0)
        await first.enter(DEAL, A)
        first.note_answer(A)
        await asyncio.wait_for(first.enter(DEAL, B), 5)

    asyncio.run(scene())


def test_one_after_the_other_while_nothing_is_shown_and_a_purchase_before_a_replacement():
    async def scene():
        first, order = FirstPurchases(Interruption()), []

        async def going(way, name, address):
            await way(DEAL, address)
            order.append(name)

        await first.enter(DEAL, A)
        replacing = asyncio.ensure_future(going(first.enter_release, "release of b", B))
        buying = asyncio.ensure_future(going(first.enter, "purchase of c", C))
        await asyncio.sleep(0)
        first.leave(A)
        await buying
        assert order == ["purchase of c"]
        first.note_sale(C, as_wanted=True)
        await replacing
        assert order == ["purchase of c", "release of b"]

    asyncio.run(scene())


def test_a_stop_holds_for_every_flavor_and_wakes_whoever_waits():
    async def scene():
        first = FirstPurchases(Interruption())
        await first.enter(DEAL, A)
        waiting = asyncio.ensure_future(first.enter(DEAL, B))
        await asyncio.sleep(0)
        first.note_sale(A, as_wanted=False)
        with pytest.raises(PurchasesStopped, match="a"):
            await waiting
        with pytest.raises(PurchasesStopped):
            await first.enter(OTHER, C)

    asyncio.run(scene())


def test_an_interruption_wakes_whoever_waits():
    async def scene():
        interruption = Interruption()
        first = FirstPurchases(interruption)
        await first.enter(DEAL, A)
        waiting = asyncio.ensure_future(first.enter(DEAL, B))
        await asyncio.sleep(0)
        interruption.request()
        await asyncio.wait_for(waiting, 5)

    asyncio.run(scene())
