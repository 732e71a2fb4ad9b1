"""Whose a server is that the cloud answers a purchase with: an order, an id or a row that cannot be its own leaves it in doubt."""

from __future__ import annotations

import pytest

from provisioner.model.flow import Effect
from provisioner.model.journal import Forgotten, Intended
from provisioner.model.purchase_policy import Marker, Prepaid, PurchasePolicy

PURCHASE = Effect.PURCHASE


@pytest.fixture
def theirs(world):
    return world.cloud.add_server("theirs", prepaid=True, order_id="CS-THEIRS", strange=True)


def test_an_order_that_was_there_before_is_no_answer(world, servers, types, theirs):
    world.cloud.answers(PURCHASE, {"order_id": theirs.order_id})
    assert types(world.apply(*servers(1, prepaid=True))) == ["in_doubt"]
    assert not world.state.resources
    assert types(world.apply(*servers(1, prepaid=True))) == ["done"]
    assert [one.id for one in world.state.resources.values()] == [one.id for one in world.cloud.ours]


def test_an_order_that_billing_alone_knew_is_no_answer(world, servers, only):
    plan = world.plan(*servers(1, prepaid=True))
    world.cloud.answers(PURCHASE, {"order_id": "CS-OPEN"})
    result = only(world.carry_out(plan, orders=frozenset({"CS-OPEN"})))
    assert (result.type, result.diagnostic.code) == ("in_doubt", "in-doubt")
    assert not world.cloud.payments


@pytest.mark.parametrize("name", ["bobs", "another one", "trainer-0-2", "trainer-02"])
def test_a_reply_under_another_name_is_no_answer(world, servers, types, name):
    stranger = world.cloud.add_server(name, strange=True, flavor="Kat1.8xlarge")
    world.cloud.servers.pop(stranger.id)
    world.cloud.answers(PURCHASE, {"id": stranger.id, "name": name})
    assert types(world.apply(*servers(1))) == ["in_doubt"]
    (intent,) = world.state.intents.values()
    assert intent.answered_id == stranger.id


@pytest.mark.parametrize("name", ["TRAINER-0", "", None, 7, " trainer_0 "])
def test_a_reply_under_a_form_of_the_name_is_believed(world, servers, types, name):
    world.cloud.answers(PURCHASE, {"id": "id-1", "name": name})
    assert types(world.apply(*servers(1))) == ["done"]


@pytest.mark.parametrize("marker", Marker)
def test_a_first_row_of_another_name_puts_it_in_doubt_again(world, servers, types, marker):
    """Its flavor is the one that was asked for."""
    world.policy = PurchasePolicy(marker=marker)

    def theirs_comes(what):
        if what.startswith("buy"):
            world.cloud.add_server("bobs", strange=True)

    world.cloud.arrivals.append(theirs_comes)
    world.cloud.answers(PURCHASE, {"id": "id-1"}, executed=False)
    assert types(world.apply(*servers(1))) == ["in_doubt"]
    assert [one.name for one in world.cloud.servers.values()] == ["bobs"]
    assert not world.state.resources
    assert any(isinstance(entry, Forgotten) for entry in world.entries)
    (intent,) = world.state.intents.values()
    assert intent.answered_id == "id-1"
    world.cloud.arrivals.clear()
    world.clock.time += 3600
    assert types(world.apply(*servers(1))) == ["in_doubt"], "while it is listed, nobody else's word is enough"
    assert not world.cloud.purchases


def test_a_death_while_it_is_put_in_doubt_again_forgets_no_purchase(world, servers, types):
    """Of the two records of that write the second may be torn."""

    def theirs_comes(what):
        if what.startswith("buy"):
            world.cloud.add_server("bobs", strange=True)

    world.cloud.arrivals.append(theirs_comes)
    world.cloud.answers(PURCHASE, {"id": "id-1"}, executed=False)
    assert types(world.apply(*servers(1))) == ["in_doubt"]
    (at,) = (number for number, entry in enumerate(world.entries) if isinstance(entry, Forgotten))
    assert isinstance(world.entries[at - 1], Intended), "the purchase is in doubt before its record goes"
    del world.entries[at:]
    assert world.state.purchases_in_doubt
    world.cloud.arrivals.clear()
    for _ in range(3):
        world.clock.time += 3600
        world.apply(*servers(1))
        assert not world.cloud.purchases, "bought again"


@pytest.mark.parametrize("told", [{}, {"name": None}, {"id": "id-9"}, {"name": "bobs"}])
def test_an_order_that_would_be_paid_is_believed_beside_the_name_that_was_sent_only(world, servers, types, told):
    world.policy = PurchasePolicy(prepaid=Prepaid.TWO_STEP)
    world.cloud.answers(PURCHASE, {"order_id": "CS-NEW", **told})
    assert types(world.apply(*servers(1, prepaid=True))) == ["in_doubt"]
    assert not world.state.resources
    assert not world.cloud.payments
