"""Right before a release: another must be there to be bought, and nothing may go along that the plan does not name."""

from __future__ import annotations

import pytest

from provisioner.model.change import Mode
from provisioner.model.flow import Effect


class Shop:
    """Sells so many pieces of everything, whoever asks."""

    def __init__(self, pieces: int) -> None:
        self.pieces = pieces
        self.asked: list[str] = []

    async def is_sold_out(self, ware):
        self.asked.append(ware.flavor)
        self.pieces -= 1
        return self.pieces < 0


@pytest.fixture
def running(world, servers):
    world.apply(*servers(3))
    return world


def test_what_is_sold_out_by_then_stops_that_change_before_its_release(running, servers, types):
    plan = running.plan(*servers(3, flavor="larger"))
    shop = Shop(pieces=2)
    result = running.carry_out(plan, parallelism=1, market=shop)
    assert types(result) == ["done", "done", "failed"]
    assert result.results[2].diagnostic.code == "sold-out"
    assert "nothing was released" in result.results[2].told
    assert not result.results[2].released
    assert sorted(one.flavor for one in running.cloud.ours) == ["Si2.large.4", "larger", "larger"]
    assert shop.asked == ["larger"] * 3
    assert running.apply(*servers(3, flavor="larger")).results[0].type == "done"


def test_releases_and_purchases_alone_ask_no_market(running, servers):
    shop = Shop(pieces=0)
    running.carry_out(running.plan(*servers(4)), market=shop)
    running.carry_out(running.plan(*servers(2)), market=shop)
    assert shop.asked == []
    assert len(running.cloud.ours) == 2


def test_a_release_that_has_begun_is_followed_by_its_purchase_all_the_same(world, servers, types):
    world.apply(*servers(1))
    world.cloud.release_seconds = 3.0
    world.cloud.arrivals.append(lambda what: world.interruption.request() if what.startswith("delete") else None)
    world.carry_out(world.plan(*servers(1, flavor="larger")), market=Shop(1))
    world.cloud.arrivals.clear()
    world.interruption = type(world.interruption)()
    result = world.carry_out(world.plan(*servers(1, flavor="larger")), market=Shop(0))
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
