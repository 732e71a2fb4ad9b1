"""A release ends its whole order: what else that has bought is asked of billing right before, for no list need show it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.model.address import Address
from provisioner.model.flow import Effect, Outcome
from provisioner.model.plan import Mode
from provisioner.model.resource import Lifecycle, Phase

CREATE_FIRST = Lifecycle(create_before_destroy=True)
NEVER_LISTED = 1e9


def hide(world, companion, how):
    match how:
        case "unlisted":
            world.cloud.lags = {companion.id: NEVER_LISTED}
        case "unnamed":
            world.cloud.hides_orders = True


@pytest.fixture(params=["unlisted", "unnamed"])
def shared(world, servers, request):
    """One recorded server, and another of its order that only billing knows of."""
    world.apply(*servers(1, prepaid=True))
    (ours,) = world.cloud.ours
    companion = world.cloud.add_server("another", prepaid=True, order_id=ours.order_id)
    hide(world, companion, request.param)
    return world


def questions(world):
    return [sent.call.body["order_id"] for sent in world.cloud.log if "order_id" in (sent.call.body or {})]


@pytest.mark.parametrize("mode", [Mode.APPLY, Mode.DESTROY])
def test_no_release_takes_along_what_only_billing_names(shared, servers, only, mode):
    before = dict(shared.state.resources)
    result = only(shared.carry_out(shared.plan(mode=mode)))
    assert (result.type, result.diagnostic.code) == ("failed", "order-shared")
    assert "id-2" in result.message
    assert shared.cloud.sent(Effect.DESTRUCTIVE) == []
    assert (len(shared.cloud.ours), dict(shared.state.resources)) == (2, before)


def test_a_replacement_releases_nothing_and_buys_nothing(shared, servers, only):
    (wanted,) = servers(1, prepaid=True, flavor="larger")
    result = only(shared.apply(wanted, replacing=["trainer[0]"]))
    assert result.diagnostic.code == "order-shared"
    assert shared.cloud.sent(Effect.DESTRUCTIVE) == []
    assert shared.cloud.purchases == {"trainer-0": 1}


def test_what_would_be_bought_before_the_release_is_not_bought(shared, servers):
    (wanted,) = servers(1, prepaid=True, flavor="larger")
    result = shared.apply(replace(wanted, lifecycle=CREATE_FIRST), replacing=["trainer[0]"])
    assert "order-shared" in {one.diagnostic.code for one in result.results if one.diagnostic}
    assert shared.cloud.sent(Effect.DESTRUCTIVE) == []
    assert shared.cloud.purchases == {"trainer-0": 1}
    (record,) = shared.state.resources.values()
    assert not record.address.deposed


@pytest.mark.parametrize("how", ["gone", "going"])
def test_what_is_known_to_be_gone_or_going_holds_nobody_back(shared, types, how):
    companion = shared.cloud.servers["id-2"]
    shared.cloud.release_seconds = 0.0 if how == "gone" else 3.0
    companion.released_at = shared.cloud.clock.time
    shared.cloud.billed[companion.order_id] = ["id-1", "id-2"]
    assert types(shared.apply(mode=Mode.DESTROY)) == ["done"]


@pytest.mark.parametrize("status", [None, 403, 500])
def test_billing_that_does_not_say_lets_no_order_be_ended(world, servers, only, status):
    world.apply(*servers(1, prepaid=True))
    plan = world.plan(mode=Mode.DESTROY)
    world.cloud.billed["CS1"] = ["../../x"]
    if status is not None:
        outcome = Outcome.REFUSED if status == 403 else Outcome.UNKNOWN
        world.cloud.fails(Effect.READ, outcome, status=status, message="not told", times=1)
    result = only(world.carry_out(plan))
    assert (result.type, result.diagnostic.code) == (
        "failed",
        "cloud-refused" if status == 403 else "cloud-error",
    )
    assert world.cloud.sent(Effect.DESTRUCTIVE) == []
    world.cloud.billed.clear()
    assert only(world.apply(mode=Mode.DESTROY)).type == "done"


def test_all_of_an_order_go_after_one_question(world, servers, types):
    world.apply(*(replace(one, together=True) for one in servers(3, prepaid=True)))
    assert types(world.apply(mode=Mode.DESTROY)) == ["done"] * 3
    assert questions(world) == ["CS3"]


def test_a_member_that_no_list_has_shown_is_no_companion_of_those_that_go_with_it(world, servers):
    wanted = tuple(replace(one, together=True) for one in servers(2, prepaid=True))
    world.cloud.lacking = 1
    world.apply(*wanted)
    (seen,) = world.cloud.ours
    awaited = world.cloud.add_server("trainer-9", prepaid=True, order_id=seen.order_id)
    assert sorted(one.phase for one in world.state.resources.values()) == [Phase.ORDERING, Phase.READY]
    world.cloud.lags = {awaited.id: NEVER_LISTED}
    world.apply(mode=Mode.DESTROY)
    assert len(world.cloud.sent(Effect.DESTRUCTIVE)) == 1


def test_what_has_no_order_is_not_asked_about(world, servers, types):
    world.apply(*servers(1))
    assert types(world.apply(mode=Mode.DESTROY)) == ["done"]
    assert questions(world) == []


def test_a_server_that_another_address_keeps_is_none_of_those_that_are_awaited(world, servers):
    """Neither its record nor its row knows the order. Billing names it, and not yet the member that no list has shown."""
    wanted = tuple(replace(one, together=True) for one in servers(2, prepaid=True))
    kept = replace(servers(1)[0], address=Address.parse("kept"), fields={**servers(1)[0].fields, "name": "kept"})
    world.cloud.lacking = 1
    world.apply(kept, *wanted)
    seen = next(one for one in world.cloud.ours if one.order_id)
    held = next(one for one in world.cloud.ours if not one.order_id)
    world.cloud.hides_orders, held.order_id, held.prepaid = True, seen.order_id, True
    result = world.apply(kept)
    assert "order-shared" in {one.diagnostic.code for one in result.results if one.diagnostic}
    assert world.cloud.sent(Effect.DESTRUCTIVE) == []
    assert {held.id, seen.id} == {one.id for one in world.cloud.ours}
