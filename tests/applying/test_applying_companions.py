"""A release ends its whole order, so billing is asked right before what else the order has bought: no list need show
that.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.model.address import Address
from provisioner.model.flow import Effect, Outcome
from provisioner.model.plan import Mode
from provisioner.model.resource import Lifecycle, Phase

CREATE_FIRST = Lifecycle(create_before_destroy=True)
NEVER_LISTED = 1e9


def hide_from_lists(harness, companion, how):
    match how:
        case "unlisted":
            harness.cloud.lags = {companion.id: NEVER_LISTED}
        case "unnamed":
            harness.cloud.hides_orders = True


@pytest.fixture(params=["unlisted", "unnamed"])
def shared(harness, servers, request):
    """A harness with one recorded server, and another one of the same order that only billing knows."""
    harness.apply(*servers(1, prepaid=True))
    (ours,) = harness.cloud.ours
    companion = harness.cloud.add_server("another", prepaid=True, order_id=ours.order_id)
    hide_from_lists(harness, companion, request.param)
    return harness


def billing_queries(harness):
    """Returns the orders that billing was asked about."""
    return [sent.call.body["order_id"] for sent in harness.cloud.log if "order_id" in (sent.call.body or {})]


@pytest.mark.parametrize("mode", [Mode.APPLY, Mode.DESTROY])
def test_no_release_takes_along_what_only_billing_names(shared, servers, only_result, mode):
    before = dict(shared.state.resources)
    result = only_result(shared.execute(shared.plan(mode=mode)))
    assert (result.type, result.diagnostic.code) == ("failed", "order-shared")
    assert "id-2" in result.message
    assert shared.cloud.sent(Effect.DESTRUCTIVE) == []
    assert (len(shared.cloud.ours), dict(shared.state.resources)) == (2, before)


def test_a_replacement_releases_nothing_and_buys_nothing(shared, servers, only_result):
    (wanted,) = servers(1, prepaid=True, flavor="larger")
    result = only_result(shared.apply(wanted, replacing=["trainer[0]"]))
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
def test_what_is_known_to_be_gone_or_going_holds_nobody_back(shared, result_types, how):
    companion = shared.cloud.servers["id-2"]
    shared.cloud.release_seconds = 0.0 if how == "gone" else 3.0
    companion.released_at = shared.cloud.clock.time
    shared.cloud.billed[companion.order_id] = ["id-1", "id-2"]
    assert result_types(shared.apply(mode=Mode.DESTROY)) == ["done"]


@pytest.mark.parametrize("status", [None, 403, 500])
def test_billing_that_does_not_say_lets_no_order_be_ended(harness, servers, only_result, status):
    harness.apply(*servers(1, prepaid=True))
    plan = harness.plan(mode=Mode.DESTROY)
    harness.cloud.billed["CS1"] = ["../../x"]
    if status is not None:
        outcome = Outcome.REFUSED if status == 403 else Outcome.UNKNOWN
        harness.cloud.fails(Effect.READ, outcome, status=status, message="not told", times=1)
    result = only_result(harness.execute(plan))
    assert (result.type, result.diagnostic.code) == (
        "failed",
        "cloud-refused" if status == 403 else "cloud-error",
    )
    assert harness.cloud.sent(Effect.DESTRUCTIVE) == []
    harness.cloud.billed.clear()
    assert only_result(harness.apply(mode=Mode.DESTROY)).type == "done"


def test_all_of_an_order_go_after_one_question(harness, servers, result_types):
    harness.apply(*(replace(one, together=True) for one in servers(3, prepaid=True)))
    assert result_types(harness.apply(mode=Mode.DESTROY)) == ["done"] * 3
    assert billing_queries(harness) == ["CS3"]


def test_a_member_that_no_list_has_shown_is_no_companion_of_those_that_go_with_it(harness, servers):
    wanted = tuple(replace(one, together=True) for one in servers(2, prepaid=True))
    harness.cloud.lacking = 1
    harness.apply(*wanted)
    (seen,) = harness.cloud.ours
    awaited = harness.cloud.add_server("trainer-9", prepaid=True, order_id=seen.order_id)
    assert sorted(one.phase for one in harness.state.resources.values()) == [Phase.ORDERING, Phase.READY]
    harness.cloud.lags = {awaited.id: NEVER_LISTED}
    harness.apply(mode=Mode.DESTROY)
    assert len(harness.cloud.sent(Effect.DESTRUCTIVE)) == 1


def test_what_has_no_order_is_not_asked_about(harness, servers, result_types):
    harness.apply(*servers(1))
    assert result_types(harness.apply(mode=Mode.DESTROY)) == ["done"]
    assert billing_queries(harness) == []


def test_a_server_that_another_address_keeps_is_none_of_those_that_are_awaited(harness, servers):
    """Neither its record nor its row names the order. Billing names the server, but not yet the member that no list has
    shown.
    """
    wanted = tuple(replace(one, together=True) for one in servers(2, prepaid=True))
    kept = replace(servers(1)[0], address=Address.parse("kept"), fields={**servers(1)[0].fields, "name": "kept"})
    harness.cloud.lacking = 1
    harness.apply(kept, *wanted)
    seen = next(one for one in harness.cloud.ours if one.order_id)
    held = next(one for one in harness.cloud.ours if not one.order_id)
    harness.cloud.hides_orders, held.order_id, held.prepaid = True, seen.order_id, True
    result = harness.apply(kept)
    assert "order-shared" in {one.diagnostic.code for one in result.results if one.diagnostic}
    assert harness.cloud.sent(Effect.DESTRUCTIVE) == []
    assert {held.id, seen.id} == {one.id for one in harness.cloud.ours}
