"""What operations on two places need of each of them, and taking the locks of two stores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from provisioner.store.clock import StoreClock
from provisioner.store.contract import LockedStore, Store
from provisioner.store.high_water_marks import HighWaterMarks
from provisioner.store.run_watch import this_process
from provisioner.store.words import LockHolder, LockWaitListener


@dataclass(frozen=True, slots=True)
class StoreAccess:
    """The store of one state, with the owner that the state must have, the clock and the high-water marks of its user."""

    store: Store
    owner: tuple[str, str | None] | None
    clock: StoreClock
    marks: HighWaterMarks

    def holder(self, command: str, who: str) -> LockHolder:
        """Return this process as the holder of a lock that it is about to take for a command."""
        return this_process(command, who, None, since=self.clock.now())


@contextmanager
def lock_both(
    first: Store, second: Store, holder: LockHolder, *, timeout: float, on_wait: LockWaitListener | None
) -> Iterator[tuple[LockedStore, LockedStore]]:
    """Hold the locks of both stores, and yield the stores in the given order.

    The locks are taken in an order of their own, so that two runs never wait for each other. Raises LockHeld.
    """
    ordered = sorted((first, second), key=lambda store: store.words.lock)
    with (
        ordered[0].lock(holder, timeout=timeout, on_wait=on_wait) as one,
        ordered[1].lock(holder, timeout=timeout, on_wait=on_wait) as other,
    ):
        yield (one, other) if ordered[0] is first else (other, one)
