"""However a run ends, it leaves nothing behind: no task, no open channel, no exception that nobody heard."""

from __future__ import annotations

import asyncio
import gc
from contextlib import suppress

import pytest

from provisioner.applying import CloudListing, execute
from provisioner.model.event import EventType
from provisioner.model.flow import Effect, Outcome


def undisturbed(_world):
    pass


def interrupted_twice(world):
    world.cloud.latency = 50.0
    world.cloud.arrivals.append(lambda what: world.interruption.request() if what.startswith("buy") else None)


def interrupted_while_waiting(world):
    world.cloud.build_seconds = 500.0
    world.cloud.arrivals.append(lambda what: world.interruption.request() if what == "list" else None)


def interrupted_during_a_look(world):
    world.cloud.latency = 5.0
    interrupted_while_waiting(world)


def in_doubt(world):
    world.cloud.fails(Effect.PURCHASE, Outcome.UNKNOWN, executed=True, times=2)


def looking_in_vain(world):
    world.cloud.fails(Effect.READ, Outcome.UNKNOWN, times=5)


def a_fault_in_looking(world):
    def break_down(what):
        if what == "list":
            raise ZeroDivisionError

    world.cloud.arrivals.append(break_down)


def a_fault_in_listening(world):
    def break_down(event):
        if event.type is EventType.BOUGHT:
            raise ZeroDivisionError

    world.listeners.append(break_down)


def a_full_disk(world):
    world.ledger._fail_at = 2


ENDINGS = [
    undisturbed,
    interrupted_twice,
    interrupted_while_waiting,
    interrupted_during_a_look,
    in_doubt,
    looking_in_vain,
    a_fault_in_looking,
    a_fault_in_listening,
    a_full_disk,
]


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.__name__.replace("_", " "))
def test_nothing_is_left_behind(world, servers, ending, caplog):
    plan = world.plan(*servers(5))
    ending(world)

    async def run():
        before = asyncio.all_tasks()
        with suppress(ZeroDivisionError):
            await execute(world._context(plan, CloudListing({}, ()), 3))
        assert world.cloud.in_flight == 0
        assert world.cloud.open_channels == 0
        for _ in range(3):  # what was cancelled needs a turn of the loop to end
            await asyncio.sleep(0)
        return asyncio.all_tasks() - before - {world.clock._mover}

    left = asyncio.run(run())
    gc.collect()
    assert not left
    assert not [record.getMessage() for record in caplog.records if record.name == "asyncio"]
