"""Ctrl-C: after the first, nothing new begins and replies in flight are recorded; after the second, nothing is waited
for.
"""

from __future__ import annotations

import asyncio

import pytest
from support.builders import a_desired

from provisioner.applying import Interruption
from provisioner.model.event import EventType
from provisioner.model.flow import Effect
from provisioner.model.plan import Mode
from provisioner.model.resource import Phase

PURCHASE = Effect.PURCHASE


def interrupt(harness, at, *, times=1):
    """Requests so many interruptions when the call `at` arrives at the cloud."""

    def request_at(what):
        if what == at:
            for _ in range(times):
                harness.interruption.request()

    harness.cloud.arrivals.append(request_at)


def test_the_first_interruption_records_what_is_in_flight_and_buys_nothing_more(harness, servers, result_types):
    harness.cloud.latency = 3.0
    interrupt(harness, "buy trainer-2")
    result = harness.apply(*servers(10), parallelism=3)
    assert result.interrupted
    assert result_types(result) == ["incomplete"] * 4 + ["not_started"] * 6
    assert harness.cloud.purchases == {f"trainer-{index}": 1 for index in range(4)}  # the first went alone
    assert len(harness.state.resources) == 4
    assert not harness.state.intents
    for one, server in zip(result.results, harness.cloud.ours, strict=False):
        assert one.diagnostic.code == "detached"
        assert server.id in one.diagnostic.summary


def test_what_was_interrupted_is_finished_by_the_next_run(harness, servers, result_types):
    harness.cloud.latency = 3.0
    interrupt(harness, "buy trainer-2")
    harness.apply(*servers(10), parallelism=3)
    harness.cloud.arrivals.clear()
    assert result_types(harness.apply(*servers(10))) == ["done"] * 10
    assert set(harness.cloud.purchases.values()) == {1}


def test_an_interruption_ends_every_wait_at_once(harness, servers, result_types):
    harness.cloud.build_seconds = 3000.0

    def interrupt_at_the_fifth_poll(what):
        if harness.cloud.sent(Effect.READ).count("list") == 6:
            harness.interruption.request()

    harness.cloud.arrivals.append(interrupt_at_the_fifth_poll)
    result = harness.apply(*servers(4))
    assert result_types(result) == ["incomplete"] * 4
    assert harness.clock.time < 60.0
    assert {one.phase for one in harness.state.resources.values()} == {Phase.CREATING}
    assert len(harness.addresses_with(EventType.DETACHED)) == 4


def test_an_interruption_between_note_and_sending_sends_nothing_and_closes_the_note(harness, servers, result_types):
    class Interrupting(type(harness.ledger)):
        def append(self, entries):
            super().append(entries)
            harness.interruption.request()

    plan = harness.plan(*servers(2))
    result = harness.execute(plan, ledger=Interrupting(harness.entries, harness.crash_plan))
    assert result_types(result) == ["not_started"] * 2
    assert not harness.cloud.sent(PURCHASE)
    assert not harness.state.intents
    assert set(harness.settled_outcomes()) == {"not_sent"}


def test_the_second_interruption_does_not_wait_for_the_reply_and_the_next_run_adopts(harness, servers, result_types):
    harness.cloud.latency = 100.0
    interrupt(harness, "buy trainer-2", times=2)
    result = harness.apply(*servers(4), parallelism=2)
    assert result_types(result) == ["incomplete", "in_doubt", "in_doubt", "not_started"]
    assert (
        harness.clock.time == 200.0
    )  # the complete read before the run, and the first purchase: no other reply was waited for
    assert {intent.name for intent in harness.state.intents.values()} == {"trainer-1", "trainer-2"}
    harness.cloud.arrivals.clear()
    harness.apply(*servers(4))
    assert len(harness.addresses_with(EventType.ADOPTED)) == 2
    assert harness.cloud.purchases == {f"trainer-{index}": 1 for index in range(4)}


def test_a_run_that_was_interrupted_before_it_began_sends_nothing(harness, servers, result_types):
    plan = harness.plan(*servers(3))
    harness.interruption.request()
    assert result_types(harness.execute(plan)) == ["not_started"] * 3
    assert harness.cloud.sent() == ["list", "list"]  # the complete reads before plan and run
    assert not harness.entries


def test_a_release_that_was_not_begun_is_not_called_under_way(harness, servers, result_types):
    harness.apply(*servers(5))
    harness.cloud.release_seconds = 60.0
    interrupt(harness, "delete id-1")
    result = harness.apply(mode=Mode.DESTROY, parallelism=1)
    assert result_types(result) == ["incomplete"] + ["not_started"] * 4
    assert harness.cloud.sent(Effect.DESTRUCTIVE) == ["delete id-1"]
    phases = [one.phase for _, one in sorted(harness.state.resources.items())]
    assert phases == [Phase.DELETING] + [Phase.READY] * 4


def test_a_replacement_interrupted_half_way_says_that_the_old_server_is_gone(harness, servers, only_result):
    (old,) = servers(1)
    harness.apply(old)
    harness.cloud.latency = 3.0

    class Interrupting(type(harness.ledger)):
        def append(self, entries):
            super().append(entries)
            if any(entry.type == "forgotten" for entry in entries):
                harness.interruption.request()

    plan = harness.plan(*servers(1, flavor="larger"))
    result = only_result(harness.execute(plan, ledger=Interrupting(harness.entries, harness.crash_plan)))
    assert result.type == "incomplete"
    assert "released" in result.diagnostic.summary
    assert "under way" not in result.diagnostic.summary
    assert not harness.state.resources
    assert not harness.state.intents


def test_resuming_that_is_interrupted_names_the_server(harness, only_result):
    harness.cloud.build_seconds = 3000.0
    gateway = a_desired("gateway", fields={"name": "gateway", "flavor": "f"})
    interrupt(harness, "list")
    harness.apply(gateway)
    harness.cloud.arrivals.clear()
    plan = harness.plan(gateway)
    harness.interruption.request()
    result = only_result(harness.execute(plan))
    assert result.type == "incomplete"
    assert "id-1" in result.diagnostic.summary


@pytest.mark.parametrize("times", [1, 2, 3])
def test_interruptions_outside_a_loop_are_remembered(times):
    interruption = Interruption()
    calls = []
    interruption.on_request(lambda: calls.append(True))
    for _ in range(times):
        interruption.request()
    assert interruption.requested
    assert calls == [True]


@pytest.mark.parametrize("times", [0, 1, 2])
def test_work_ends_with_the_request_that_it_heeds_whenever_that_comes(times):
    async def run_both(*, early):
        interruption = Interruption()
        loop = asyncio.get_running_loop()

        def request():
            for _ in range(times):
                interruption.request()

        if early:
            request()
        else:
            loop.call_soon(request)
        works = [interruption.until_first(asyncio.sleep(0.01)), interruption.until_second(asyncio.sleep(0.01))]
        return [task.cancelled() for task in await asyncio.gather(*works)]

    for early in (True, False):
        assert asyncio.run(run_both(early=early)) == [times >= 1, times >= 2]


def test_a_run_that_is_cancelled_leaves_nothing_behind_and_the_next_one_goes_on(harness, servers, result_types):
    """Every task is cancelled wherever it is, as asyncio does at an unexpected end."""
    harness.cloud.latency = 100.0

    def cancel_all(what):
        if what == "buy trainer-2":
            for task in asyncio.all_tasks():
                task.cancel()

    harness.cloud.arrivals.append(cancel_all)
    with pytest.raises(asyncio.CancelledError):
        harness.apply(*servers(3))
    assert harness.cloud.open_channels == 0
    assert harness.cloud.in_flight == 0
    assert len(harness.state.intents) == 2  # the first had gone alone, and was answered
    harness.cloud.arrivals.clear()
    harness.apply(*servers(3))
    assert set(harness.cloud.purchases.values()) == {1}
    assert result_types(harness.apply(*servers(3))) == []
