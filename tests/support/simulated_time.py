"""Time in the processes of the crash tests: sleeps return at once, clocks advance all the same, and a machine can sleep.

A lease is renewed where a run sleeps, when it is due by this time, and with every third request to the cloud, for which no time
passes here. So each renewal is a step with a number of its own. It happens in the thread that sleeps or asks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_REQUESTS = 3
"""After how many requests a lease is renewed."""
_ahead = [0.0]
"""By how many seconds the monotonic clocks are ahead of the machine's."""
_leases: list[_Renewed] = []
_is_shared: set[bool] = set()
_read_clock = time.clock_gettime


def _now() -> float:
    return _read_clock(time.CLOCK_MONOTONIC) + _ahead[0]


def pass_time(seconds: float) -> None:
    """Let the clocks advance, without a renewal: the machine sleeps."""
    _ahead[0] += seconds


def work_for(seconds: float) -> None:
    """Let the clocks advance, and renew what is due."""
    until = _now() + seconds
    for held in _leases:
        while held.due_at <= until:
            pass_time(max(0.0, held.due_at - _now()))
            held.renew()
    pass_time(max(0.0, until - _now()))


def count_request() -> None:
    """Renew every lease with every third call of this."""
    for held in _leases:
        held.requests += 1
        if held.requests % _REQUESTS == 0:
            held.renew()


class _Renewed:
    """A held lease, when it is to be renewed, and how many requests it has seen."""

    def __init__(self, lease: Any, terms: Any) -> None:
        self._lease, self._terms, self.requests = lease, terms, 0
        self.due_at = _now() + terms.renew_after

    def renew(self) -> None:
        self.due_at = _now() + self._terms.renew_after
        self._lease.renew()


@contextmanager
def _renew_in_steps(lease: Any, terms: Any) -> Iterator[None]:
    held = _Renewed(lease, terms)
    _leases.append(held)
    try:
        yield
    finally:
        _leases.remove(held)


def _sleep_of_store(seconds: float) -> None:
    """Processes that wait for the lock of a folder race with each other in the time of the machine."""
    if _is_shared:
        pass_time(seconds)
    else:
        time.sleep(seconds)


def _noting_use(words: property) -> property:
    """Note that the state is shared, as soon as anybody asks for the words of its store."""

    def noted(store: Any) -> Any:
        _is_shared.add(True)
        return words.fget(store)

    return property(noted)


async def _sleep(seconds: float) -> None:
    work_for(seconds)
    await asyncio.sleep(0.001)


def skip_sleeps() -> None:
    """Replace the clocks of this process, and the renewals of leases.

    The fingerprint of a password, which is slow on purpose, becomes fast, too.
    """
    from provisioner.cloud import connection
    from provisioner.secrets import reader
    from provisioner.store.clock import StoreClock
    from provisioner.store.shared_store import SharedStore
    from provisioner.workflow.system_clock import SystemClock

    SystemClock.sleep = lambda _clock, seconds: _sleep(seconds)
    SystemClock.monotonic = lambda _clock: _now()
    replace_fields(connection._REAL_TIME, sleep=_sleep, monotonic=_now)
    now, _, _ = StoreClock.__init__.__defaults__
    StoreClock.__init__.__defaults__ = now, _now, _sleep_of_store
    SharedStore.words = _noting_use(SharedStore.words)
    SharedStore.wait = lambda _store, seconds: pass_time(seconds)
    SharedStore.__init__.__kwdefaults__["renewal"] = _renew_in_steps
    reader._COST = 2


def replace_fields(frozen: object, **values: object) -> None:
    for name, value in values.items():
        object.__setattr__(frozen, name, value)
