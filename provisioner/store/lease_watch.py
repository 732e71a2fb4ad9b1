"""Watches a lease that another run holds, to find out whether that run is alive."""

from __future__ import annotations

from provisioner.model.state import JournalHead
from provisioner.store.clock import StoreClock
from provisioner.store.contract import LastRecord
from provisioner.store.lease_record import LeaseRecord, LeaseTerms
from provisioner.store.words import LockWaitStatus


class LeaseWatch:
    """One watch, from its creation on. `is_alive`: a new record was seen."""

    def __init__(self, clock: StoreClock, terms: LeaseTerms) -> None:
        self._clock = clock
        self._terms = terms
        self._began_at = clock.elapsed()
        self._seen: JournalHead | None = None
        self._seen_at = 0.0
        self.is_alive = False

    def is_over(self, record: LeaseRecord, last: LastRecord | None) -> bool:
        """Return whether the lease may be taken over. Called after each reading of the last record."""
        now = self._clock.elapsed()
        if record.head != self._seen:
            self.is_alive = self._seen is not None
            self._seen, self._seen_at = record.head, now
        if last is not None and last.age is not None and last.age >= max(self._terms.stale, 2 * record.seconds):
            return True
        return now - self._seen_at >= record.seconds

    def waited(self) -> float:
        """Return for how many seconds it has been watched."""
        return self._clock.elapsed() - self._began_at

    def describe(self, record: LeaseRecord) -> LockWaitStatus:
        """Return what is known about the holder of `record`, which was looked at last."""
        silent_for = self._clock.elapsed() - self._seen_at
        left = max(record.seconds - silent_for, 0.0)
        return LockWaitStatus(record.holder, self.waited(), silent_for, left, self.is_alive)

    def pause(self, record: LeaseRecord, timeout: float) -> float:
        """Return how long to wait before the next look: not past the end of the lease, nor past the time-out."""
        left = self._seen_at + record.seconds - self._clock.elapsed()
        if self.is_alive:
            left = min(left, timeout - self.waited())
        return max(0.0, min(self._terms.poll, left))
