"""Checks right before a release: a replacement must be available, and no server that the plan keeps may be released
along with it.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.model.flow import Effect
from provisioner.model.plan import Mode
from provisioner.model.release_facts import Availability, Offer

LISTED = Offer(Availability.LISTED)
SOLD_OUT = Offer(Availability.SOLD_OUT, "flavor larger is sold out")


class LimitedStock:
    """Has so many pieces of everything."""

    def __init__(self, pieces: int) -> None:
        self.pieces = pieces
        self.asked: list[str] = []

    async def offer(self, offering):
        self.asked.append(offering.flavor)
        self.pieces -= 1
        return SOLD_OUT if self.pieces < 0 else LISTED


@pytest.fixture
def running(harness, servers):
    harness.apply(*servers(3))
    return harness


def test_what_is_sold_out_by_then_stops_that_change_before_its_release(running, servers, result_types):
    plan = running.plan(*servers(3, flavor="larger"))
    stock = LimitedStock(pieces=2)
    result = running.execute(plan, parallelism=1, stock=stock)
    assert result_types(result) == ["done", "done", "failed"]
    assert result.results[2].diagnostic.code == "sold-out"
    assert "nothing was released" in result.results[2].message
    assert not result.results[2].released
    assert sorted(one.flavor for one in running.cloud.ours) == ["Si2.large.4", "larger", "larger"]
    assert stock.asked == ["larger"] * 3
    assert running.apply(*servers(3, flavor="larger")).results[0].type == "done"


def test_releases_and_purchases_alone_ask_no_market(running, servers):
    stock = LimitedStock(pieces=0)
    running.execute(running.plan(*servers(4)), stock=stock)
    running.execute(running.plan(*servers(2)), stock=stock)
    assert stock.asked == []
    assert len(running.cloud.ours) == 2


def test_a_release_that_has_begun_is_followed_by_its_purchase_all_the_same(harness, servers, result_types):
    harness.apply(*servers(1))
    harness.cloud.release_seconds = 3.0
    harness.cloud.arrivals.append(lambda what: harness.interruption.request() if what.startswith("delete") else None)
    harness.execute(harness.plan(*servers(1, flavor="larger")), stock=LimitedStock(1))
    harness.cloud.arrivals.clear()
    harness.interruption = type(harness.interruption)()
    result = harness.execute(harness.plan(*servers(1, flavor="larger")), stock=LimitedStock(0))
    assert result_types(result) == ["done"]
    assert [one.flavor for one in harness.cloud.ours] == ["larger"]


@pytest.mark.parametrize("mode", [Mode.APPLY, Mode.DESTROY])
def test_a_server_that_has_joined_the_order_since_is_not_released_along(harness, servers, only_result, mode):
    """The plan was saved, and the order's other server was listed after that."""
    harness.apply(*servers(1, prepaid=True))
    plan = harness.plan(*servers(0), mode=mode)
    (ours,) = harness.cloud.ours
    harness.cloud.add_server("another", prepaid=True, order_id=ours.order_id)
    result = only_result(harness.execute(plan))
    assert (result.type, result.diagnostic.code) == ("failed", "order-shared")
    assert harness.cloud.sent(Effect.DESTRUCTIVE) == []
    assert len(harness.cloud.ours) == 2


class StockWithout:
    """Has everything but one flavor."""

    def __init__(self, flavor):
        self.flavor = flavor

    async def offer(self, offering):
        return SOLD_OUT if offering.flavor == self.flavor else LISTED


@pytest.fixture
def pair(harness, servers):
    """Two servers of one order, which are released together or not at all."""
    both = [replace(one, together=True) for one in servers(2, prepaid=True)]
    harness.apply(*both)
    return both


def larger(server, flavor="larger"):
    return replace(server, fields={**server.fields, "flavor": flavor})


@pytest.mark.parametrize("parallelism", [1, 10])
def test_who_cannot_be_bought_again_is_not_released_along_by_another_of_the_order(
    harness, pair, result_types, parallelism
):
    plan = harness.plan(larger(pair[0]), larger(pair[1], "huge"), replacing=["trainer[0]", "trainer[1]"])
    result = harness.execute(plan, stock=StockWithout("huge"), parallelism=parallelism)
    assert result_types(result) == ["failed", "failed"]
    assert {one.diagnostic.code for one in result.results} == {"sold-out"}
    assert [one.flavor for one in harness.cloud.ours] == ["Si2.large.4"] * 2


@pytest.mark.parametrize("kept", [1, 2])
def test_a_name_that_was_taken_since_keeps_the_whole_order_as_it_is(harness, pair, result_types, kept):
    """The order is kept even if the other server is only released and not replaced."""
    plan = harness.plan(*map(larger, pair[:kept]), replacing=["trainer[0]", "trainer[1]"])
    harness.cloud.add_server("trainer-0", strange=True)
    assert result_types(harness.execute(plan)) == ["failed", "failed"]
    assert harness.cloud.sent(Effect.DESTRUCTIVE) == []
    assert [one.flavor for one in harness.cloud.ours] == ["Si2.large.4"] * 2


def test_what_an_order_held_is_replaced_whole_where_nothing_forbids_it(harness, pair, result_types):
    plan = harness.plan(*map(larger, pair), replacing=["trainer[0]", "trainer[1]"])
    assert result_types(harness.execute(plan, stock=StockWithout("huge"))) == ["done", "done"]
    assert [one.flavor for one in harness.cloud.ours] == ["larger"] * 2
