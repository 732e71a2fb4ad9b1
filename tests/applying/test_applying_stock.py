"""Right before a release: another must be there to be bought, and nothing may go along that the plan does not name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.model.flow import Effect
from provisioner.model.plan import Mode
from provisioner.model.release_facts import Availability, Offer

LISTED = Offer(Availability.LISTED)
SOLD_OUT = Offer(Availability.SOLD_OUT, "flavor larger is sold out")


class Shop:
    """Sells so many pieces of everything, whoever asks."""

    def __init__(self, pieces: int) -> None:
        self.pieces = pieces
        self.asked: list[str] = []

    async def offer(self, ware):
        self.asked.append(ware.flavor)
        self.pieces -= 1
        return SOLD_OUT if self.pieces < 0 else LISTED


@pytest.fixture
def running(world, servers):
    world.apply(*servers(3))
    return world


def test_what_is_sold_out_by_then_stops_that_change_before_its_release(running, servers, types):
    plan = running.plan(*servers(3, flavor="larger"))
    shop = Shop(pieces=2)
    result = running.carry_out(plan, parallelism=1, stock=shop)
    assert types(result) == ["done", "done", "failed"]
    assert result.results[2].diagnostic.code == "sold-out"
    assert "nothing was released" in result.results[2].message
    assert not result.results[2].released
    assert sorted(one.flavor for one in running.cloud.ours) == ["Si2.large.4", "larger", "larger"]
    assert shop.asked == ["larger"] * 3
    assert running.apply(*servers(3, flavor="larger")).results[0].type == "done"


def test_releases_and_purchases_alone_ask_no_market(running, servers):
    shop = Shop(pieces=0)
    running.carry_out(running.plan(*servers(4)), stock=shop)
    running.carry_out(running.plan(*servers(2)), stock=shop)
    assert shop.asked == []
    assert len(running.cloud.ours) == 2


def test_a_release_that_has_begun_is_followed_by_its_purchase_all_the_same(world, servers, types):
    world.apply(*servers(1))
    world.cloud.release_seconds = 3.0
    world.cloud.arrivals.append(lambda what: world.interruption.request() if what.startswith("delete") else None)
    world.carry_out(world.plan(*servers(1, flavor="larger")), stock=Shop(1))
    world.cloud.arrivals.clear()
    world.interruption = type(world.interruption)()
    result = world.carry_out(world.plan(*servers(1, flavor="larger")), stock=Shop(0))
    assert types(result) == ["done"]
    assert [one.flavor for one in world.cloud.ours] == ["larger"]


@pytest.mark.parametrize("mode", [Mode.APPLY, Mode.DESTROY])
def test_a_server_that_has_joined_the_order_since_is_not_released_along(world, servers, only, mode):
    """A saved plan: the order's other server was listed after it was made."""
    world.apply(*servers(1, prepaid=True))
    plan = world.plan(*servers(0), mode=mode)
    (ours,) = world.cloud.ours
    world.cloud.add_server("another", prepaid=True, order_id=ours.order_id)
    result = only(world.carry_out(plan))
    assert (result.type, result.diagnostic.code) == ("failed", "order-shared")
    assert world.cloud.sent(Effect.DESTRUCTIVE) == []
    assert len(world.cloud.ours) == 2


class Lacking:
    """Sells everything but one flavor."""

    def __init__(self, flavor):
        self.flavor = flavor

    async def offer(self, ware):
        return SOLD_OUT if ware.flavor == self.flavor else LISTED


@pytest.fixture
def pair(world, servers):
    """Two servers of one order, which ends for both of them or for none."""
    both = [replace(one, together=True) for one in servers(2, prepaid=True)]
    world.apply(*both)
    return both


def larger(server, flavor="larger"):
    return replace(server, fields={**server.fields, "flavor": flavor})


@pytest.mark.parametrize("parallelism", [1, 10])
def test_who_cannot_be_bought_again_is_not_released_along_by_another_of_the_order(world, pair, types, parallelism):
    plan = world.plan(larger(pair[0]), larger(pair[1], "huge"), replacing=["trainer[0]", "trainer[1]"])
    result = world.carry_out(plan, stock=Lacking("huge"), parallelism=parallelism)
    assert types(result) == ["failed", "failed"]
    assert {one.diagnostic.code for one in result.results} == {"sold-out"}
    assert [one.flavor for one in world.cloud.ours] == ["Si2.large.4"] * 2


@pytest.mark.parametrize("kept", [1, 2])
def test_a_name_that_was_taken_since_keeps_the_whole_order_as_it_is(world, pair, types, kept):
    """Also from a release of the other that is no replacement."""
    plan = world.plan(*map(larger, pair[:kept]), replacing=["trainer[0]", "trainer[1]"])
    world.cloud.add_server("trainer-0", strange=True)
    assert types(world.carry_out(plan)) == ["failed", "failed"]
    assert world.cloud.sent(Effect.DESTRUCTIVE) == []
    assert [one.flavor for one in world.cloud.ours] == ["Si2.large.4"] * 2


def test_what_an_order_held_is_replaced_whole_where_nothing_forbids_it(world, pair, types):
    plan = world.plan(*map(larger, pair), replacing=["trainer[0]", "trainer[1]"])
    assert types(world.carry_out(plan, stock=Lacking("huge"))) == ["done", "done"]
    assert [one.flavor for one in world.cloud.ours] == ["larger"] * 2
