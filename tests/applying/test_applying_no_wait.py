"""`--no-wait`: a run orders, records and ends, and the next one goes on. What protects money is still waited for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.model.event import EventType, ResultType
from provisioner.model.flow import Effect, Outcome
from provisioner.model.plan import Mode
from provisioner.model.resource import Lifecycle, Phase

LONG = 3600.0
"""Seconds for which the cloud builds or releases a server."""


@pytest.fixture
def unwaiting(new_harness):
    """A harness whose runs do not wait, and whose cloud takes an hour."""
    harness = new_harness(no_wait=True)
    harness.cloud.build_seconds = harness.cloud.release_seconds = LONG
    return harness


def phases(harness):
    return {str(address): one.phase for address, one in harness.state.resources.items()}


def test_everything_is_ordered_and_recorded_and_the_run_ends(unwaiting, servers, result_types):
    result = unwaiting.apply(*servers(12))
    assert result_types(result) == ["not_awaited"] * 12
    assert set(unwaiting.cloud.purchases.values()) == {1}
    assert unwaiting.clock.time < 60
    assert set(phases(unwaiting).values()) == {Phase.CREATING}
    assert len(unwaiting.addresses_with(EventType.NOT_AWAITED)) == 12
    finding = result.results[0].diagnostic
    assert finding.code == "not-awaited"
    assert "CREATING" in finding.summary
    assert "`provisioner apply` goes on" in finding.hint
    assert "`provisioner progress --wait`" in finding.hint


def test_the_next_run_goes_on_and_buys_nothing_twice(unwaiting, servers, result_types):
    wanted = servers(3)
    unwaiting.apply(*wanted)
    assert result_types(unwaiting.apply(*wanted)) == ["not_awaited"] * 3
    unwaiting.clock.time += LONG
    assert result_types(unwaiting.apply(*wanted)) == ["done"] * 3
    assert set(unwaiting.cloud.purchases.values()) == {1}
    assert set(phases(unwaiting).values()) == {Phase.READY}


def test_what_is_there_at_the_first_look_is_done(unwaiting, servers, result_types):
    unwaiting.cloud.build_seconds = 0.0
    assert result_types(unwaiting.apply(*servers(3))) == ["done"] * 3


def test_a_destroy_asks_for_every_release_and_the_next_one_sees_them_end(unwaiting, servers, result_types):
    unwaiting.cloud.build_seconds = 0.0
    wanted = servers(3)
    unwaiting.apply(*wanted)
    result = unwaiting.apply(*wanted, mode=Mode.DESTROY)
    assert result_types(result) == ["not_awaited"] * 3
    assert "`provisioner destroy` goes on" in result.results[0].diagnostic.hint
    assert set(phases(unwaiting).values()) == {Phase.DELETING}
    unwaiting.clock.time += LONG
    assert result_types(unwaiting.apply(*wanted, mode=Mode.DESTROY)) == ["done"] * 3
    assert len(unwaiting.cloud.sent(Effect.DESTRUCTIVE)) == 3
    assert not unwaiting.state.resources


def test_the_first_purchase_still_goes_alone_until_its_charging_mode_shows(unwaiting, servers, result_types):
    unwaiting.cloud.answers(Effect.PURCHASE, {"id": "id-1"})  # the answer does not say it, so the row has to
    assert result_types(unwaiting.apply(*servers(3))) == ["not_awaited"] * 3
    sent = unwaiting.cloud.sent()
    assert "list" in sent[sent.index("buy trainer-0") : sent.index("buy trainer-1")]


def test_a_charging_mode_that_no_row_shows_in_time_is_waited_for_once(unwaiting, servers, result_types):
    """Each of the others would otherwise be a first purchase, and none would ever have shown how it is charged."""
    unwaiting.cloud.listed_after, unwaiting.cloud.hides_unlisted = LONG, True
    unwaiting.cloud.answers(Effect.PURCHASE, {"id": "id-1"})
    result = unwaiting.apply(*servers(5))
    assert sum(unwaiting.cloud.purchases.values()) == 5
    assert result_types(result) == ["not_awaited"] * 5
    assert 29 < unwaiting.clock.time < 100
    assert [one.diagnostic.code for one in unwaiting.events if one.type is EventType.NOTICE] == ["charging-unseen"]


def test_a_mismatch_that_the_row_shows_sells_one_and_no_more(unwaiting, servers, result_types):
    unwaiting.cloud.answers(Effect.PURCHASE, {"id": "id-1"})
    unwaiting.cloud.spelt = lambda row: {**row, "charging_mode": "PRE_PAID"}
    assert result_types(unwaiting.apply(*servers(12)))[1:] == ["not_started"] * 11
    assert unwaiting.cloud.purchases == {"trainer-0": 1}


def test_a_doubt_is_still_resolved_in_its_time(unwaiting, servers, result_types):
    unwaiting.resolve_timeout = 30.0
    unwaiting.cloud.fails(Effect.PURCHASE, Outcome.UNKNOWN, executed=True, name="trainer-0")
    assert result_types(unwaiting.apply(*servers(1))) == ["not_awaited"]
    assert unwaiting.addresses_with(EventType.ADOPTED) == ["trainer[0]"]
    unwaiting.cloud.fails(Effect.PURCHASE, Outcome.UNKNOWN, executed=False, name="trainer-1")
    assert "in_doubt" in result_types(unwaiting.apply(*servers(2)))


def test_what_needs_a_finished_server_does_not_begin_and_says_so(unwaiting, servers, result_types):
    waves = tuple(replace(one, wave=wave) for one, wave in zip(servers(3), (0, 1, 1), strict=True))
    result = unwaiting.apply(*waves)
    assert result_types(result) == ["not_awaited", "not_started", "not_started"]
    finding = result.results[1].diagnostic
    assert (finding.code, "trainer[0]" in finding.summary) == ("blocked", True)
    assert "`provisioner apply` goes on" in finding.hint
    assert "repair" not in finding.hint
    unwaiting.clock.time += LONG
    assert result_types(unwaiting.apply(*waves)) == ["done", "not_awaited", "not_awaited"]
    assert set(unwaiting.cloud.purchases.values()) == {1}


def test_a_successor_is_ordered_and_its_predecessor_is_kept_until_it_runs(unwaiting, servers):
    (one,) = servers(1)
    unwaiting.cloud.build_seconds = 0.0
    first = replace(one, lifecycle=Lifecycle(create_before_destroy=True))
    unwaiting.apply(first)
    unwaiting.cloud.build_seconds = LONG
    bigger = replace(first, fields={**one.fields, "flavor": "Si2.xlarge.4"})
    result = unwaiting.apply(bigger)
    assert {one.type for one in result.results} == {ResultType.NOT_AWAITED, ResultType.NOT_STARTED}
    assert not unwaiting.cloud.sent(Effect.DESTRUCTIVE)
    unwaiting.clock.time += LONG
    unwaiting.apply(bigger)
    assert len(unwaiting.cloud.sent(Effect.DESTRUCTIVE)) == 1
    assert unwaiting.cloud.purchases["trainer-0"] == 2


def test_one_replacement_releases_and_the_others_keep_theirs_until_it_is_bought(unwaiting, servers, result_types):
    """Else a run that does not wait would release them all before anything shows how their successors are charged."""
    unwaiting.cloud.build_seconds = 0.0
    unwaiting.apply(*servers(3))
    bigger = servers(3, flavor="larger")
    result = unwaiting.apply(*bigger)
    assert result_types(result) == ["not_awaited", "not_started", "not_started"]
    assert "trainer[0]" in result.results[1].diagnostic.summary
    assert len(unwaiting.cloud.sent(Effect.DESTRUCTIVE)) == 1
    for _ in range(3):
        unwaiting.clock.time += LONG
        unwaiting.apply(*bigger)
    assert {one.flavor for one in unwaiting.cloud.ours} == {"larger"}
    assert set(unwaiting.cloud.purchases.values()) == {2}


@pytest.mark.parametrize("mode", [Mode.APPLY, Mode.DESTROY])
def test_one_more_run_makes_good_a_death_at_any_step(new_harness, servers, result_types, mode):
    wanted = servers(2)

    def made():
        harness = new_harness(no_wait=True)
        harness.cloud.release_seconds = LONG
        if mode is Mode.DESTROY:
            harness.apply(*wanted)
        else:
            harness.cloud.build_seconds = LONG
        return harness

    undisturbed = made()
    undisturbed.apply(*wanted, mode=mode)
    steps = len(undisturbed.crash_plan.steps)
    assert steps >= 8
    for step in range(steps):
        harness = made()
        assert harness.apply(*wanted, mode=mode, die_at=step) is None
        harness.check_nothing_is_lost()
        harness.apply(*wanted, mode=mode)
        harness.clock.time += LONG
        harness.apply(*wanted, mode=mode)
        harness.check_nothing_is_lost()
        in_doubt = len(harness.state.in_doubt)
        expected = 0 if mode is Mode.DESTROY else len(wanted) - in_doubt
        assert len(harness.cloud.ours) == expected
        assert set(harness.cloud.purchases.values()) == {1}
