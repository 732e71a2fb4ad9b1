"""A state that several machines share: the logs and checkpoints of a backend, with a lease as the lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Final, TypeAlias

from provisioner.model.diagnostic import Diagnostic
from provisioner.store.backend import Backend
from provisioner.store.clock import StoreClock
from provisioner.store.contract import (
    JOURNAL,
    Blob,
    DamagedParts,
    Intrusion,
    LockType,
    Log,
    StoreCheck,
)
from provisioner.store.lease import HeldLease, Lease, LeasePlace
from provisioner.store.lease_record import LEASE, TERMS, LeaseTerms
from provisioner.store.settled_log import SettledLog
from provisioner.store.words import LockHolder, LockWaitListener, StoreWords, UnlockAdvice

CHECKPOINT_AFTER: Final = 256 * 1024
"""How many bytes of new records are read by every reader before a checkpoint is worth its writing."""
_RETRY_AFTER: Final = 1.0
"""How many seconds after a failed renewal the next one is tried."""
Renewal: TypeAlias = Callable[[HeldLease, LeaseTerms], AbstractContextManager[None]]
"""Renews a lease while the context is open."""


@contextmanager
def renewal_thread(held: HeldLease, terms: LeaseTerms) -> Iterator[None]:
    """Renew the lease in a thread of its own, because prompts and appends may block every other for long."""
    over = threading.Event()

    def renew() -> None:
        delay = terms.renew_after
        while not over.wait(delay) and held.lost is None:
            delay = terms.renew_after if held.renew() else min(_RETRY_AFTER, terms.renew_after)

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()


class SharedStore:
    """The store of the state `label` in `backend`."""

    def __init__(
        self,
        backend: Backend,
        label: str,
        *,
        clock: StoreClock | None = None,
        terms: LeaseTerms | None = None,
        renewal: Renewal = renewal_thread,
        checkpoint_after: int = CHECKPOINT_AFTER,
    ) -> None:
        self._backend = backend
        self._label = label
        self._clock = clock or StoreClock()
        self._terms = terms or TERMS
        self._renewal = renewal
        self._checkpoint_after = checkpoint_after
        self._lease = Lease(
            LeasePlace(
                log=lambda: backend.log(label, LEASE),
                journal=lambda: backend.log(label, JOURNAL),
                words=self.words,
                clock=self._clock,
                terms=self._terms,
                wait=self.wait,
            )
        )

    @property
    def words(self) -> StoreWords:
        return self._backend.words(self._label)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        return self._backend.warnings

    @property
    def lock_type(self) -> LockType:
        return LockType.LEASE

    @property
    def requires_checkpoint(self) -> bool:
        """False: nobody copies or restores single parts, so a checkpoint is a cache of the journal."""
        return False

    @property
    def checkpoint_after(self) -> int:
        return self._checkpoint_after

    def checkpoint(self, age: int = 0) -> Blob | None:
        return self._backend.checkpoint(self._label, age)

    def log(self, name: str) -> Log:
        return self._backend.log(self._label, name)

    def checks(self) -> Iterator[StoreCheck]:
        yield from self._backend.checks(self._label)

    def names(self) -> tuple[str, ...]:
        return self._backend.names()

    def sibling(self, label: str) -> SharedStore:
        return SharedStore(
            self._backend,
            label,
            clock=self._clock,
            terms=self._terms,
            renewal=self._renewal,
            checkpoint_after=self._checkpoint_after,
        )

    def mentions(self, tokens: Collection[str]) -> Mapping[str, frozenset[str]] | None:
        return self._backend.mentions(self._label, tokens)

    def wait(self, seconds: float) -> None:
        self._backend.wait(self._label, seconds)

    def holder(self) -> LockHolder | None:
        return self._lease.holder()

    def unlock_advice(self, holder: LockHolder) -> UnlockAdvice:
        """Explain that the lock ends by itself once its holder shows no sign of life."""
        held_by = f"{holder.who}: {holder.work}"
        return UnlockAdvice(
            f"the lock {holder.id} is held by {held_by}",
            f"If that run is alive, end it on {holder.host}: kill {holder.pid}. It then sends nothing new, records the replies in "
            f"flight and names what is under way. If it is dead, its lock ends {self._terms.seconds:.0f} seconds after its last sign of life: "
            "the next apply takes it over by itself, and looks for what was sent.",
        )

    @contextmanager
    def lock(
        self, holder: LockHolder, *, timeout: float, on_wait: LockWaitListener | None = None
    ) -> Iterator[LockedSharedStore]:
        held = self._lease.take(holder, timeout=timeout, on_wait=on_wait)
        locked = LockedSharedStore(self._backend, self._label, held)
        try:
            with self._renewal(held, self._terms):
                yield locked
        finally:
            locked.release()
            held.release()


class LockedSharedStore:
    """The shared store of the run that holds its lease."""

    def __init__(self, backend: Backend, label: str, lease: HeldLease) -> None:
        self._backend = backend
        self._label = label
        self._lease = lease
        self._logs: dict[str, SettledLog] = {}

    def checkpoint(self, age: int = 0) -> Blob | None:
        return self._backend.checkpoint(self._label, age)

    def log(self, name: str) -> Log:
        """Return the log of this name. It is the same object each time."""
        if name not in self._logs:
            self._logs[name] = SettledLog(self._backend.log(self._label, name))
        return self._logs[name]

    def intrusion(self) -> Intrusion | None:
        """Return evidence that the lease is lost, or may be: one that has run out is renewed here if that can be done."""
        if self._lease.seconds_left() <= 0:
            self._lease.renew()
        if self._lease.seconds_left() > 0:
            return None
        found = self._lease.lost or "it could not be renewed in time, and another run may have taken it over"
        return Intrusion("lock-lost", self._backend.words(self._label).lock, found)

    def taken_over(self) -> Intrusion | None:
        if self._lease.is_current():
            return None
        return Intrusion("lock-lost", self._backend.words(self._label).lock, self._lease.lost or "")

    def seconds_left(self) -> float:
        return self._lease.seconds_left()

    def create_checkpoint(self, sequence: int, data: bytes) -> None:
        self._backend.create_checkpoint(self._label, sequence, data)

    def replace(
        self, before: DamagedParts, journal: bytes, state: bytes, *, mentions: Collection[str] = ()
    ) -> tuple[str, ...]:
        return self._backend.replace(self._label, before, journal, state, mentions=mentions)

    def move_to(self, label: str, before: bytes | None, journal: bytes) -> None:
        self._backend.move(self._label, label, before, journal)

    def clear_moved(self, label: str) -> None:
        """Nothing is left behind, because a backend moves a state in one step."""

    def release(self) -> None:
        if (journal := self._logs.get(JOURNAL)) is not None and not journal.is_settled:
            self._lease.mark_unsettled()
        for log in self._logs.values():
            log.release()
