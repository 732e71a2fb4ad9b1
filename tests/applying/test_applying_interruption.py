"""Ctrl-C: once, and nothing new begins while replies in flight are recorded; twice, and nothing is waited for."""

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


def interrupt(world, at, *, times=1):
    """Interrupts as that call arrives at the cloud."""

    def arrived(what):
        if what == at:
            for _ in range(times):
                world.interruption.request()

    world.cloud.arrivals.append(arrived)


def test_the_first_interruption_records_what_is_in_flight_and_buys_nothing_more(world, servers, types):
    world.cloud.latency = 3.0
    interrupt(world, "buy trainer-2")
    result = world.apply(*servers(10), parallelism=3)
    assert result.interrupted
    assert types(result) == ["incomplete"] * 4 + ["not_started"] * 6
    assert world.cloud.purchases == {f"trainer-{index}": 1 for index in range(4)}  # the first went alone
    assert len(world.state.resources) == 4
    assert not world.state.intents
    for one, server in zip(result.results, world.cloud.ours, strict=False):
        assert one.diagnostic.code == "detached"
        assert server.id in one.diagnostic.summary


def test_what_was_interrupted_is_finished_by_the_next_run(world, servers, types):
    world.cloud.latency = 3.0
    interrupt(world, "buy trainer-2")
    world.apply(*servers(10), parallelism=3)
    world.cloud.arrivals.clear()
    assert types(world.apply(*servers(10))) == ["done"] * 10
    assert set(world.cloud.purchases.values()) == {1}


def test_an_interruption_ends_every_wait_at_once(world, servers, types):
    world.cloud.build_seconds = 3000.0

    def at_the_fifth_look(what):
        if world.cloud.sent(Effect.READ).count("list") == 6:
            world.interruption.request()

    world.cloud.arrivals.append(at_the_fifth_look)
    result = world.apply(*servers(4))
    assert types(result) == ["incomplete"] * 4
    assert world.clock.time < 60.0
    assert {one.phase for one in world.state.resources.values()} == {Phase.CREATING}
    assert len(world.happened(EventType.DETACHED)) == 4


def test_an_interruption_between_note_and_sending_sends_nothing_and_closes_the_note(world, servers, types):
    class Interrupting(type(world.ledger)):
        def append(self, entries):
            super().append(entries)
            world.interruption.request()

    plan = world.plan(*servers(2))
    result = world.carry_out(plan, ledger=Interrupting(world.entries, world.crash_plan))
    assert types(result) == ["not_started"] * 2
    assert not world.cloud.sent(PURCHASE)
    assert not world.state.intents
    assert set(world.outcomes()) == {"not_sent"}


def test_the_second_interruption_does_not_wait_for_the_reply_and_the_next_run_adopts(world, servers, types):
    world.cloud.latency = 100.0
    interrupt(world, "buy trainer-2", times=2)
    result = world.apply(*servers(4), parallelism=2)
    assert types(result) == ["incomplete", "in_doubt", "in_doubt", "not_started"]
    assert (
        world.clock.time == 200.0
    )  # the complete read before the run, and the first purchase: no other reply was waited for
    assert {intent.name for intent in world.state.intents.values()} == {"trainer-1", "trainer-2"}
    world.cloud.arrivals.clear()
    world.apply(*servers(4))
    assert len(world.happened(EventType.ADOPTED)) == 2
    assert world.cloud.purchases == {f"trainer-{index}": 1 for index in range(4)}


def test_a_run_that_was_interrupted_before_it_began_sends_nothing(world, servers, types):
    plan = world.plan(*servers(3))
    world.interruption.request()
    assert types(world.carry_out(plan)) == ["not_started"] * 3
    assert world.cloud.sent() == ["list", "list"]  # the complete reads before plan and run
    assert not world.entries


def test_a_release_that_was_not_begun_is_not_called_under_way(world, servers, types):
    world.apply(*servers(5))
    world.cloud.release_seconds = 60.0
    interrupt(world, "delete id-1")
    result = world.apply(mode=Mode.DESTROY, parallelism=1)
    assert types(result) == ["incomplete"] + ["not_started"] * 4
    assert world.cloud.sent(Effect.DESTRUCTIVE) == ["delete id-1"]
    phases = [one.phase for _, one in sorted(world.state.resources.items())]
    assert phases == [Phase.DELETING] + [Phase.READY] * 4


def test_a_replacement_interrupted_half_way_says_that_the_old_server_is_gone(world, servers, only):
    (old,) = servers(1)
    world.apply(old)
    world.cloud.latency = 3.0

    class Interrupting(type(world.ledger)):
        def append(self, entries):
            super().append(entries)
            if any(entry.type == "forgotten" for entry in entries):
                world.interruption.request()

    plan = world.plan(*servers(1, flavor="larger"))
    result = only(world.carry_out(plan, ledger=Interrupting(world.entries, world.crash_plan)))
    assert result.type == "incomplete"
    assert "released" in result.diagnostic.summary
    assert "under way" not in result.diagnostic.summary
    assert not world.state.resources
    assert not world.state.intents


def test_resuming_that_is_interrupted_names_the_server(world, only):
    world.cloud.build_seconds = 3000.0
    gateway = a_desired("gateway", fields={"name": "gateway", "flavor": "f"})
    interrupt(world, "list")
    world.apply(gateway)
    world.cloud.arrivals.clear()
    plan = world.plan(gateway)
    world.interruption.request()
    result = only(world.carry_out(plan))
    assert result.type == "incomplete"
    assert "id-1" in result.diagnostic.summary


@pytest.mark.parametrize("times", [1, 2, 3])
def test_interruptions_outside_a_loop_are_remembered(times):
    interruption = Interruption()
    heard = []
    interruption.on_request(lambda: heard.append(True))
    for _ in range(times):
        interruption.request()
    assert interruption.requested
    assert heard == [True]


@pytest.mark.parametrize("times", [0, 1, 2])
def test_work_ends_with_the_request_that_it_heeds_whenever_that_comes(times):
    async def ended(*, early):
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
        assert asyncio.run(ended(early=early)) == [times >= 1, times >= 2]


def test_a_run_that_is_cancelled_leaves_nothing_behind_and_the_next_one_goes_on(world, servers, types):
    """As asyncio does on an unexpected end: every task is cancelled wherever it is."""
    world.cloud.latency = 100.0

    def cancel_all(what):
        if what == "buy trainer-2":
            for task in asyncio.all_tasks():
                task.cancel()

    world.cloud.arrivals.append(cancel_all)
    with pytest.raises(asyncio.CancelledError):
        world.apply(*servers(3))
    assert world.cloud.open_channels == 0
    assert world.cloud.in_flight == 0
    assert len(world.state.intents) == 2  # the first had gone alone, and was answered
    world.cloud.arrivals.clear()
    world.apply(*servers(3))
    assert set(world.cloud.purchases.values()) == {1}
    assert types(world.apply(*servers(3))) == []
