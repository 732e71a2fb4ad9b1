"""However a run ends, it leaves nothing behind: no task, no open channel, no exception that was never retrieved."""

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


def interrupted_twice(harness):
    harness.cloud.latency = 50.0
    harness.cloud.arrivals.append(lambda what: harness.interruption.request() if what.startswith("buy") else None)


def interrupted_while_waiting(harness):
    harness.cloud.build_seconds = 500.0
    harness.cloud.arrivals.append(lambda what: harness.interruption.request() if what == "list" else None)


def interrupted_during_a_poll(harness):
    harness.cloud.latency = 5.0
    interrupted_while_waiting(harness)


def in_doubt(harness):
    harness.cloud.fails(Effect.PURCHASE, Outcome.UNKNOWN, executed=True, times=2)


def failing_polls(harness):
    harness.cloud.fails(Effect.READ, Outcome.UNKNOWN, times=5)


def an_error_in_a_poll(harness):
    def break_down(what):
        if what == "list":
            raise ZeroDivisionError

    harness.cloud.arrivals.append(break_down)


def an_error_in_a_listener(harness):
    def break_down(event):
        if event.type is EventType.BOUGHT:
            raise ZeroDivisionError

    harness.listeners.append(break_down)


def a_full_disk(harness):
    harness.ledger._fail_at = 2


ENDINGS = [
    undisturbed,
    interrupted_twice,
    interrupted_while_waiting,
    interrupted_during_a_poll,
    in_doubt,
    failing_polls,
    an_error_in_a_poll,
    an_error_in_a_listener,
    a_full_disk,
]


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.__name__.replace("_", " "))
def test_nothing_is_left_behind(harness, servers, ending, caplog):
    plan = harness.plan(*servers(5))
    ending(harness)

    async def run():
        before = asyncio.all_tasks()
        with suppress(ZeroDivisionError):
            await execute(harness._context(plan, CloudListing({}, ()), 3))
        assert harness.cloud.in_flight == 0
        assert harness.cloud.open_channels == 0
        for _ in range(3):  # a cancelled task needs a pass of the event loop to end
            await asyncio.sleep(0)
        return asyncio.all_tasks() - before - {harness.clock._mover}

    remaining = asyncio.run(run())
    gc.collect()
    assert not remaining
    assert not [record.getMessage() for record in caplog.records if record.name == "asyncio"]
