"""Waiting: one list read a tick for everybody, at a pace that slows down, and nobody left waiting for nothing."""

from __future__ import annotations

from itertools import pairwise

import pytest
from support.builders import a_desired

from provisioner.model.event import EventType
from provisioner.model.flow import Effect, Outcome
from provisioner.model.plan import Mode
from provisioner.model.resource import Phase, Timeouts

READ, REFUSED, UNKNOWN = Effect.READ, Outcome.REFUSED, Outcome.UNKNOWN


def looks(world):
    """When the run looked at the list, without the complete read before it began."""
    return [sent.at for sent in world.cloud.log if sent.what == "list"][1:]


def test_it_looks_at_once_then_after_tenths_then_after_one_two_four_eight_and_then_every_ten_seconds(
    world, servers, types
):
    world.cloud.build_seconds = 64.5
    assert types(world.apply(*servers(1))) == ["done"]
    _, first, *others = looks(world)  # the one before found it
    pauses = [round(later - sooner, 1) for sooner, later in pairwise((first, *others))]
    assert pauses == [0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0, 10.0, 10.0]


def test_the_pace_is_fast_again_for_somebody_new(world, servers, types):
    world.cloud.build_seconds = 30.0
    world.cloud.latency = 12.0
    assert types(world.apply(*servers(2), parallelism=1)) == ["done", "done"]
    first, second = (event.elapsed for event in world.events if event.type is EventType.FINISHED)
    pauses = [later - sooner for sooner, later in pairwise(looks(world))]
    assert min(pauses) >= 1.0
    assert world.clock.time < 12.0 * 4 + 30.0 + 12.0 * 3
    assert first > 0 < second


def test_list_reads_grow_with_time_and_not_with_servers_that_run_at_once(world, servers, types):
    world.cloud.latency = 0.5
    assert types(world.apply(*servers(200), parallelism=4)) == ["done"] * 200
    assert len(looks(world)) <= world.clock.time / 2


def test_while_servers_keep_coming_a_list_that_takes_long_is_read_less_often(world, servers, types):
    world.cloud.latency = 1.0
    world.cloud.build_seconds = 3.0
    assert types(world.apply(*servers(40), parallelism=1)) == ["done"] * 40
    pauses = [later - sooner for sooner, later in pairwise(looks(world))]
    assert sum(pause >= 5.0 for pause in pauses) > len(pauses) / 2


def test_three_hundred_servers_cost_no_more_looks_than_one(new_world, servers, types):
    costs = []
    for count in (1, 300):
        world = new_world()
        world.cloud.build_seconds = 600.0
        assert types(world.apply(*servers(count), parallelism=300)) == ["done"] * count
        assert world.cloud.sent(READ) == ["list"] * len(world.cloud.sent(READ))
        costs.append(len(looks(world)))
    one, three_hundred = costs
    assert three_hundred <= one + 3


def test_a_failed_look_is_no_news(world, servers, types):
    plan = world.plan(*servers(3))
    world.cloud.fails(READ, UNKNOWN, times=4)
    assert types(world.carry_out(plan)) == ["done"] * 3


def test_five_failures_are_in_vain_only_in_a_row(world, servers, types):
    world.cloud.build_seconds = 50.0
    plan = world.plan(*servers(1))

    def fail_all_but_every_fourth(what):
        if what == "list" and len(looks(world)) % 4:
            world.cloud.fails(READ, UNKNOWN)

    world.cloud.arrivals.append(fail_all_but_every_fourth)
    assert types(world.carry_out(plan)) == ["done"]


def test_what_an_incomplete_list_shows_is_believed_and_what_it_lacks_is_waited_for(world, servers, types):
    plan = world.plan(*servers(2))
    world.cloud.build_seconds = 20.0
    world.cloud.arrivals.append(lambda _: setattr(world.cloud, "shifting", True))
    assert types(world.carry_out(plan)) == ["done", "done"]


def test_a_server_that_an_incomplete_list_lacks_is_gone_once_it_is_not_found_by_its_id(world, only, types):
    patient = a_desired("gateway", fields={"name": "gateway", "flavor": "f"}, timeouts=Timeouts(delete=60.0))
    world.apply(patient)
    plan = world.plan(patient, mode=Mode.DESTROY)
    world.cloud.arrivals.append(lambda _: setattr(world.cloud, "shifting", True))
    assert only(world.carry_out(plan)).type == "done"
    assert not world.state.resources


def test_a_wait_ends_in_time_though_looking_fails_again_and_again(world, only):
    slow = a_desired("gateway", fields={"name": "gateway", "flavor": "f"}, timeouts=Timeouts(create=60.0))
    world.cloud.build_seconds = 10_000.0
    plan = world.plan(slow)

    def fail_all_but_every_fourth(what):
        if what == "list" and len(looks(world)) % 4:
            world.cloud.fails(READ, UNKNOWN)

    world.cloud.arrivals.append(fail_all_but_every_fourth)
    assert only(world.carry_out(plan)).diagnostic.code == "timed-out"
    assert world.clock.time <= 70.0


@pytest.mark.parametrize(("outcome", "status", "failures"), [(REFUSED, 401, 1), (UNKNOWN, 503, 5), (UNKNOWN, None, 5)])
def test_looking_in_vain_ends_the_wait_and_the_next_run_goes_on(world, servers, only, types, outcome, status, failures):
    plan = world.plan(*servers(1))
    world.cloud.fails(READ, outcome, times=failures, status=status)
    result = only(world.carry_out(plan))
    assert (result.type, result.diagnostic.code) == ("incomplete", "broken-off")
    assert next(iter(world.state.resources.values())).id in result.diagnostic.summary
    assert types(world.apply(*servers(1))) == ["done"]
    assert world.cloud.purchases == {"trainer-0": 1}


def test_servers_that_run_at_once_share_their_looks(world, servers, types):
    world.cloud.latency = 0.01
    assert types(world.apply(*servers(100), parallelism=10)) == ["done"] * 100
    assert len(looks(world)) <= 10


def test_a_wait_for_a_release_that_looks_in_vain_is_not_called_a_refusal(world, servers, only):
    world.apply(*servers(1))
    plan = world.plan()
    world.cloud.release_seconds = 100.0
    world.cloud.arrivals.append(
        lambda what: world.cloud.fails(READ, UNKNOWN, times=5) if what.startswith("delete") else None
    )
    result = only(world.carry_out(plan))
    assert (result.type, result.diagnostic.code) == ("incomplete", "broken-off")


def test_a_time_out_is_each_servers_own(world, types):
    quick = a_desired("quick", fields={"name": "quick", "flavor": "f"}, timeouts=Timeouts(create=10.0))
    patient = a_desired("patient", fields={"name": "patient", "flavor": "f"}, timeouts=Timeouts(create=500.0))
    world.cloud.build_seconds = 100.0
    result = world.apply(quick, patient)
    assert {str(one.address): one.type.value for one in result.results} == {"quick": "incomplete", "patient": "done"}
    assert {str(key): one.phase for key, one in world.state.resources.items()} == {
        "quick": Phase.CREATING,
        "patient": Phase.READY,
    }


def test_a_long_build_gives_a_sign_of_life_every_ten_seconds(world, servers):
    world.cloud.build_seconds = 120.0
    world.apply(*servers(1))
    signs = [event.elapsed for event in world.events if event.type is EventType.WAITING]
    assert len(signs) >= 8
    assert all(later - sooner >= 10.0 for sooner, later in pairwise(signs))


def test_an_error_of_ours_in_one_wait_stops_no_other_and_is_raised_at_the_end(world, servers):
    world.cloud.build_seconds = 50.0

    def break_at_the_first_sign(event):
        if event.type is EventType.WAITING and str(event.address) == "trainer[1]":
            raise ZeroDivisionError

    world.listeners.append(break_at_the_first_sign)
    with pytest.raises(ZeroDivisionError):
        world.apply(*servers(3))
    phases = {str(address): one.phase for address, one in world.state.resources.items()}
    assert phases == {"trainer[0]": Phase.READY, "trainer[1]": Phase.CREATING, "trainer[2]": Phase.READY}


def test_an_error_of_ours_in_looking_leaves_nobody_waiting(world, servers):
    plan = world.plan(*servers(3))

    def break_down(what):
        if what == "list":
            raise ZeroDivisionError

    world.cloud.arrivals.append(break_down)
    with pytest.raises(ZeroDivisionError):
        world.carry_out(plan)
    assert len(world.state.resources) == 3
    assert not world.state.intents
    world.cloud.arrivals.clear()
    world.apply(*servers(3))
    assert set(world.cloud.purchases.values()) == {1}
    assert {one.phase for one in world.state.resources.values()} == {Phase.READY}


def test_an_error_of_ours_before_a_purchase_lets_the_others_finish(world, servers):
    def break_down(event):
        if event.type is EventType.STARTED and str(event.address) == "trainer[0]":
            raise ZeroDivisionError

    world.listeners.append(break_down)
    with pytest.raises(ZeroDivisionError):
        world.apply(*servers(3))
    assert {str(address) for address in world.state.resources} == {"trainer[1]", "trainer[2]"}
    assert not world.state.intents


@pytest.fixture
def unlisted(world):
    """No list ever shows a server, and whoever asks for one by its id is answered."""
    world.cloud.listed_after = 10_000.0
    return world


def test_what_stands_in_no_list_is_asked_for_by_its_id_and_gets_done(unlisted, servers, types):
    unlisted.cloud.build_seconds = 20.0
    assert types(unlisted.apply(*servers(3))) == ["done"] * 3
    assert unlisted.clock.time < 40.0
    assert unlisted.cloud.purchases == {f"trainer-{number}": 1 for number in range(3)}


def test_only_a_few_are_asked_for_a_look_and_each_comes_to_its_turn(unlisted, servers, types):
    unlisted.cloud.build_seconds = 20.0
    assert types(unlisted.apply(*servers(30), parallelism=30)) == ["done"] * 30
    asked = [sent for sent in unlisted.cloud.log if sent.call.effect is READ and sent.what != "list"]
    assert 0 < len(asked) <= 5 * len(looks(unlisted))


def test_nothing_is_picked_out_of_a_list_that_lacks_what_was_there_before(world, servers, types):
    """The list shows one server that fits a lost purchase; another may fit as well, and be hidden like the first."""
    world.resolve_timeout = 20.0
    world.apply(*servers(1))
    (known,) = world.cloud.servers
    plan = world.plan(*servers(2))
    world.cloud.lags = {known: 10_000.0}
    world.cloud.fails(Effect.PURCHASE, UNKNOWN, executed=True)
    assert types(world.carry_out(plan, resolve_timeout=20.0)) == ["in_doubt"]
    world.cloud.lags = {}
    assert set(types(world.apply(*servers(2)))) <= {"done"}
    assert world.cloud.purchases == {"trainer-0": 1, "trainer-1": 1}
