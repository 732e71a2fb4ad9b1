"""A call without an intent is not sent either once the lock is known to be lost: no append before it would say so."""

from __future__ import annotations

import asyncio
import math
from types import SimpleNamespace

import pytest

from provisioner.applying.lock_wait import LockWait
from provisioner.model.diagnostic import LOCK_LOST, LockLost


def until_held(*seconds_left):
    """Wait for a lock that lasts that long at each look. Return how often was slept."""
    left, pauses = [*seconds_left], []

    async def sleep(seconds):
        pauses.append(seconds)

    ledger = SimpleNamespace(seconds_left=lambda: left.pop(0) if len(left) > 1 else left[0])
    clock = SimpleNamespace(monotonic=lambda: sum(pauses), sleep=sleep)
    asyncio.run(LockWait(ledger, clock).until_held(lambda: None))
    return len(pauses)


def test_a_lock_that_lasts_is_not_waited_for():
    assert until_held(90.0) == 0


def test_a_late_renewal_is_waited_for():
    assert until_held(10.0, 9.0, 90.0) == 2


@pytest.mark.parametrize("seconds_left", [(-math.inf,), (5.0, -math.inf)])
def test_a_lock_that_is_lost_ends_it(seconds_left):
    with pytest.raises(LockLost) as lost:
        until_held(*seconds_left)
    assert [one.code for one in lost.value.diagnostics] == [LOCK_LOST]
