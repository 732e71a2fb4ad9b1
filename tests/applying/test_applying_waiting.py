"""Waits: one reading of the list serves everybody, the pace slows down, and nobody waits for something that cannot
come.
"""

from __future__ import annotations

from itertools import pairwise

import pytest
from support.builders import a_desired

from provisioner.model.event import EventType
from provisioner.model.flow import Effect, Outcome
from provisioner.model.plan import Mode
from provisioner.model.resource import Phase, Timeouts

READ, REFUSED, UNKNOWN = Effect.READ, Outcome.REFUSED, Outcome.UNKNOWN


def polls(harness):
    """Returns when the run read the list, without the complete reading before it began."""
    return [sent.at for sent in harness.cloud.log if sent.what == "list"][1:]


def test_it_looks_at_once_then_after_tenths_then_after_one_two_four_eight_and_then_every_ten_seconds(
    harness, servers, result_types
):
    harness.cloud.build_seconds = 64.5
    assert result_types(harness.apply(*servers(1))) == ["done"]
    _, first, *others = polls(harness)  # the reading before found the server
    pauses = [round(later - sooner, 1) for sooner, later in pairwise((first, *others))]
    assert pauses == [0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0, 10.0, 10.0]


def test_the_pace_is_fast_again_for_somebody_new(harness, servers, result_types):
    harness.cloud.build_seconds = 30.0
    harness.cloud.latency = 12.0
    assert result_types(harness.apply(*servers(2), parallelism=1)) == ["done", "done"]
    first, second = (event.elapsed for event in harness.events if event.type is EventType.FINISHED)
    pauses = [later - sooner for sooner, later in pairwise(polls(harness))]
    assert min(pauses) >= 1.0
    assert harness.clock.time < 12.0 * 4 + 30.0 + 12.0 * 3
    assert first > 0 < second


def test_list_reads_grow_with_time_and_not_with_servers_that_run_at_once(harness, servers, result_types):
    harness.cloud.latency = 0.5
    assert result_types(harness.apply(*servers(200), parallelism=4)) == ["done"] * 200
    assert len(polls(harness)) <= harness.clock.time / 2


def test_while_servers_keep_coming_a_list_that_takes_long_is_read_less_often(harness, servers, result_types):
    harness.cloud.latency = 1.0
    harness.cloud.build_seconds = 3.0
    assert result_types(harness.apply(*servers(40), parallelism=1)) == ["done"] * 40
    pauses = [later - sooner for sooner, later in pairwise(polls(harness))]
    assert sum(pause >= 5.0 for pause in pauses) > len(pauses) / 2


def test_three_hundred_servers_cost_no_more_looks_than_one(new_harness, servers, result_types):
    costs = []
    for count in (1, 300):
        harness = new_harness()
        harness.cloud.build_seconds = 600.0
        assert result_types(harness.apply(*servers(count), parallelism=300)) == ["done"] * count
        assert harness.cloud.sent(READ) == ["list"] * len(harness.cloud.sent(READ))
        costs.append(len(polls(harness)))
    one, three_hundred = costs
    assert three_hundred <= one + 3


def test_a_failed_look_is_no_news(harness, servers, result_types):
    plan = harness.plan(*servers(3))
    harness.cloud.fails(READ, UNKNOWN, times=4)
    assert result_types(harness.execute(plan)) == ["done"] * 3


def test_five_failures_are_in_vain_only_in_a_row(harness, servers, result_types):
    harness.cloud.build_seconds = 50.0
    plan = harness.plan(*servers(1))

    def fail_all_but_every_fourth(what):
        if what == "list" and len(polls(harness)) % 4:
            harness.cloud.fails(READ, UNKNOWN)

    harness.cloud.arrivals.append(fail_all_but_every_fourth)
    assert result_types(harness.execute(plan)) == ["done"]


def test_what_an_incomplete_list_shows_is_believed_and_what_it_lacks_is_waited_for(harness, servers, result_types):
    plan = harness.plan(*servers(2))
    harness.cloud.build_seconds = 20.0
    harness.cloud.arrivals.append(lambda _: setattr(harness.cloud, "shifting", True))
    assert result_types(harness.execute(plan)) == ["done", "done"]


def test_a_server_that_an_incomplete_list_lacks_is_gone_once_it_is_not_found_by_its_id(
    harness, only_result, result_types
):
    patient = a_desired("gateway", fields={"name": "gateway", "flavor": "f"}, timeouts=Timeouts(delete=60.0))
    harness.apply(patient)
    plan = harness.plan(patient, mode=Mode.DESTROY)
    harness.cloud.arrivals.append(lambda _: setattr(harness.cloud, "shifting", True))
    assert only_result(harness.execute(plan)).type == "done"
    assert not harness.state.resources


def test_a_wait_ends_in_time_though_looking_fails_again_and_again(harness, only_result):
    slow = a_desired("gateway", fields={"name": "gateway", "flavor": "f"}, timeouts=Timeouts(create=60.0))
    harness.cloud.build_seconds = 10_000.0
    plan = harness.plan(slow)

    def fail_all_but_every_fourth(what):
        if what == "list" and len(polls(harness)) % 4:
            harness.cloud.fails(READ, UNKNOWN)

    harness.cloud.arrivals.append(fail_all_but_every_fourth)
    assert only_result(harness.execute(plan)).diagnostic.code == "timed-out"
    assert harness.clock.time <= 70.0


@pytest.mark.parametrize(("outcome", "status", "failures"), [(REFUSED, 401, 1), (UNKNOWN, 503, 5), (UNKNOWN, None, 5)])
def test_looking_in_vain_ends_the_wait_and_the_next_run_goes_on(
    harness, servers, only_result, result_types, outcome, status, failures
):
    plan = harness.plan(*servers(1))
    harness.cloud.fails(READ, outcome, times=failures, status=status)
    result = only_result(harness.execute(plan))
    assert (result.type, result.diagnostic.code) == ("incomplete", "broken-off")
    assert next(iter(harness.state.resources.values())).id in result.diagnostic.summary
    assert result_types(harness.apply(*servers(1))) == ["done"]
    assert harness.cloud.purchases == {"trainer-0": 1}


def test_servers_that_run_at_once_share_their_looks(harness, servers, result_types):
    harness.cloud.latency = 0.01
    assert result_types(harness.apply(*servers(100), parallelism=10)) == ["done"] * 100
    assert len(polls(harness)) <= 10


def test_a_wait_for_a_release_that_looks_in_vain_is_not_called_a_refusal(harness, servers, only_result):
    harness.apply(*servers(1))
    plan = harness.plan()
    harness.cloud.release_seconds = 100.0
    harness.cloud.arrivals.append(
        lambda what: harness.cloud.fails(READ, UNKNOWN, times=5) if what.startswith("delete") else None
    )
    result = only_result(harness.execute(plan))
    assert (result.type, result.diagnostic.code) == ("incomplete", "broken-off")


def test_a_time_out_is_each_servers_own(harness, result_types):
    quick = a_desired("quick", fields={"name": "quick", "flavor": "f"}, timeouts=Timeouts(create=10.0))
    patient = a_desired("patient", fields={"name": "patient", "flavor": "f"}, timeouts=Timeouts(create=500.0))
    harness.cloud.build_seconds = 100.0
    result = harness.apply(quick, patient)
    assert {str(one.address): one.type.value for one in result.results} == {"quick": "incomplete", "patient": "done"}
    assert {str(key): one.phase for key, one in harness.state.resources.items()} == {
        "quick": Phase.CREATING,
        "patient": Phase.READY,
    }


def test_a_long_build_gives_a_sign_of_life_every_ten_seconds(harness, servers):
    harness.cloud.build_seconds = 120.0
    harness.apply(*servers(1))
    signs = [event.elapsed for event in harness.events if event.type is EventType.WAITING]
    assert len(signs) >= 8
    assert all(later - sooner >= 10.0 for sooner, later in pairwise(signs))


def test_an_error_of_ours_in_one_wait_stops_no_other_and_is_raised_at_the_end(harness, servers):
    harness.cloud.build_seconds = 50.0

    def break_at_the_first_sign(event):
        if event.type is EventType.WAITING and str(event.address) == "trainer[1]":
            raise ZeroDivisionError

    harness.listeners.append(break_at_the_first_sign)
    with pytest.raises(ZeroDivisionError):
        harness.apply(*servers(3))
    phases = {str(address): one.phase for address, one in harness.state.resources.items()}
    assert phases == {"trainer[0]": Phase.READY, "trainer[1]": Phase.CREATING, "trainer[2]": Phase.READY}


def test_an_error_of_ours_in_looking_leaves_nobody_waiting(harness, servers):
    plan = harness.plan(*servers(3))

    def break_down(what):
        if what == "list":
            raise ZeroDivisionError

    harness.cloud.arrivals.append(break_down)
    with pytest.raises(ZeroDivisionError):
        harness.execute(plan)
    assert len(harness.state.resources) == 3
    assert not harness.state.intents
    harness.cloud.arrivals.clear()
    harness.apply(*servers(3))
    assert set(harness.cloud.purchases.values()) == {1}
    assert {one.phase for one in harness.state.resources.values()} == {Phase.READY}


def test_an_error_of_ours_before_a_purchase_lets_the_others_finish(harness, servers):
    def break_down(event):
        if event.type is EventType.STARTED and str(event.address) == "trainer[0]":
            raise ZeroDivisionError

    harness.listeners.append(break_down)
    with pytest.raises(ZeroDivisionError):
        harness.apply(*servers(3))
    assert {str(address) for address in harness.state.resources} == {"trainer[1]", "trainer[2]"}
    assert not harness.state.intents


@pytest.fixture
def unlisted(harness):
    """A harness in which no list ever shows a server, but the cloud answers whoever asks for one by its id."""
    harness.cloud.listed_after = 10_000.0
    return harness


def test_what_stands_in_no_list_is_asked_for_by_its_id_and_gets_done(unlisted, servers, result_types):
    unlisted.cloud.build_seconds = 20.0
    assert result_types(unlisted.apply(*servers(3))) == ["done"] * 3
    assert unlisted.clock.time < 40.0
    assert unlisted.cloud.purchases == {f"trainer-{number}": 1 for number in range(3)}


def test_only_a_few_are_asked_for_a_look_and_each_comes_to_its_turn(unlisted, servers, result_types):
    unlisted.cloud.build_seconds = 20.0
    assert result_types(unlisted.apply(*servers(30), parallelism=30)) == ["done"] * 30
    asked = [sent for sent in unlisted.cloud.log if sent.call.effect is READ and sent.what != "list"]
    assert 0 < len(asked) <= 5 * len(polls(unlisted))


def test_nothing_is_picked_out_of_a_list_that_lacks_what_was_there_before(harness, servers, result_types):
    """The list shows one server that fits a lost purchase. Another may fit as well, and be hidden like the first
    server.
    """
    harness.resolve_timeout = 20.0
    harness.apply(*servers(1))
    (known,) = harness.cloud.servers
    plan = harness.plan(*servers(2))
    harness.cloud.lags = {known: 10_000.0}
    harness.cloud.fails(Effect.PURCHASE, UNKNOWN, executed=True)
    assert result_types(harness.execute(plan, resolve_timeout=20.0)) == ["in_doubt"]
    harness.cloud.lags = {}
    assert set(result_types(harness.apply(*servers(2)))) <= {"done"}
    assert harness.cloud.purchases == {"trainer-0": 1, "trainer-1": 1}
