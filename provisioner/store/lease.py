"""A lock for stores that have none: a lease that its holder renews, kept in a log of its own (docs/decisions/0039).

Each record says which run holds the lock, or has released it. A run takes a released lock at once. It takes over a held
one only after it has seen no new record for as long as the lease lasts, by its own clock, which goes on in sleep: no two
clocks are compared. The holder counts its lease from the moment when it *sent* its last renewal, so it knows before any
other run that the lease may be over. Where the store itself tells how old the last record is, a lease that has been over
for long is taken over without watching.

A lease alone keeps nobody out who stood still. So a take-over is complete only when a record in the journal says so (the
fence): every later append of the former holder is then a conflict.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from secrets import token_hex
from threading import Lock
from typing import Final

from provisioner.model.canonical import JsonObject
from provisioner.model.diagnostic import LockHeld, StoreError, error
from provisioner.store.appending import append_until_known
from provisioner.store.clock import StoreClock
from provisioner.store.contract import START, Conflict, Log, NotDone
from provisioner.store.fence import append_fence
from provisioner.store.lease_record import LeaseRecord, LeaseTerms, decode_lease, encode_lease
from provisioner.store.lease_watch import LeaseWatch
from provisioner.store.words import LockHolder, LockWaitListener, LockWaitStatus, StoreWords

_ATTEMPTS: Final = 5
"""How often a release whose outcome is unknown is tried."""


@dataclass(frozen=True, slots=True)
class LeasePlace:
    """What a lease needs of its store: its own log, the journal to be fenced, words, time, and a way to wait.

    `wait` returns when something was appended, and after the given seconds at the latest.
    """

    log: Callable[[], Log]
    journal: Callable[[], Log]
    words: StoreWords
    clock: StoreClock
    terms: LeaseTerms
    wait: Callable[[float], None]


class HeldLease:
    """A lease that this run holds, until `release`, or until another run has taken it over.

    Its methods may be called from any thread.
    """

    def __init__(self, place: LeasePlace, log: Log, record: LeaseRecord, *, sent_at: float) -> None:
        self._place = place
        self._log = log
        self._record = record
        self._ends_at = sent_at + record.seconds
        self._pending: tuple[bytes, LeaseRecord, float] | None = None
        """A renewal with an unknown outcome: its bytes, its record, and when it was first sent."""
        self._lost: str | None = None
        self._is_over = False
        self._is_unsettled = False
        self._mutex = Lock()

    @property
    def writer(self) -> str:
        """A random name of this holding of the lock."""
        return self._record.writer

    @property
    def lost(self) -> str | None:
        """Why the lock is lost; None while it is not known to be. Once lost it stays lost."""
        return self._lost

    def seconds_left(self) -> float:
        """Return for how long no other run can have the lock. Negative when another may have it by now, and minus
        infinity once one is known to have it.
        """
        return -math.inf if self._lost else self._ends_at - self._place.clock.elapsed()

    def renew(self) -> bool:
        """Renew the lease, and return whether that is known to have succeeded.

        A lease that has run out is renewed as well, if nobody has taken it over.
        """
        with self._mutex:
            return not self._is_over and self._lost is None and self._append(is_held=True)

    def mark_fenced(self) -> None:
        """Note that no former holder can append to the journal any more. The next record tells the others."""
        with self._mutex:
            self._record = replace(self._record, is_fenced=True)

    def mark_unsettled(self) -> None:
        """Note that an append of this run to the journal may still be carried out after its end. The next holder fences."""
        with self._mutex:
            self._is_unsettled = True

    def is_current(self) -> bool:
        """Return whether no other run has taken the lock so far, as the store tells, whatever any clock says.

        Raises StoreError.
        """
        log = self._place.log()
        try:
            record = decode_lease(log.last())
        finally:
            log.release()
        if record is None or record.writer != self.writer:
            with self._mutex:
                self._lost = self._lost or "another run has taken it over"
        return self._lost is None

    def release(self) -> None:
        """Give the lock back. Where that fails, it ends by itself, so it is tried again only until the lease is over: a
        store that hangs would make each attempt last.
        """
        with self._mutex:
            if self._lost is None and not self._is_over:
                for _ in range(_ATTEMPTS):
                    if self._append(is_held=False) or self.seconds_left() <= 0:
                        break
            self._is_over = True
            self._log.release()

    def _append(self, *, is_held: bool) -> bool:
        if self._pending is not None and self._pending[1].is_held is not is_held and not self._settle_pending():
            return False
        if self._pending is None:
            is_fenced = self._record.is_fenced and not self._is_unsettled
            following = replace(self._record, is_held=is_held, is_fenced=is_fenced)
            lines, record = encode_lease(following, after=self._record.head, time=self._place.clock.now())
            self._pending = lines, record, self._place.clock.elapsed()
        return self._settle_pending()

    def _settle_pending(self) -> bool:
        """Append the pending record. While its outcome is unknown, only the same bytes may be appended."""
        assert self._pending is not None
        lines, record, sent_at = self._pending
        try:
            self._log.append(self._record.head, lines)
        except Conflict as conflict:
            self._lost = f"another run has taken it over: {conflict.reason}"
            return False
        except (NotDone, StoreError):
            return False
        self._record, self._pending = record, None
        self._ends_at = sent_at + record.seconds
        return True


class Lease:
    """The lease of one state."""

    def __init__(self, place: LeasePlace) -> None:
        self._place = place
        self._watch: LeaseWatch | None = None

    def holder(self) -> LockHolder | None:
        """Return who holds the lock, as far as its records tell. A holder that died may still be named for a while.

        Who calls this again and again learns that it has died once a whole lease is over without a new record.
        """
        log = self._place.log()
        try:
            last = log.last()
        finally:
            log.release()
        record = decode_lease(last)
        if last is None or record is None or not record.is_held:
            return None
        self._watch = self._watch or LeaseWatch(self._place.clock, self._place.terms)
        is_over = self._watch.is_over(record, last) or (last.age is not None and last.age >= record.seconds)
        return None if is_over else record.holder

    def take(self, holder: LockHolder, *, timeout: float, on_wait: LockWaitListener | None) -> HeldLease:
        """Take the lock, and fence off a former holder that did not release it.

        Raises LockHeld when a live run still holds it after `timeout` seconds. To know that it is alive, a renewal must
        be seen, so this may take longer than `timeout`: until one is seen, or a whole lease is over without one.
        """
        began_at = self._place.clock.elapsed()
        log = self._place.log()
        try:
            former = self._await_free(log, timeout=timeout, on_wait=on_wait)
            while (held := self._try_append(log, holder, former)) is None:
                refused, former = former, self._await_free(log, timeout=timeout, on_wait=on_wait)
                self._require_progress(refused, former)
        except BaseException:
            log.release()
            raise
        try:
            if former is not None and former.needs_fence:
                self._fence(held, former, holder)
            if former is not None and former.is_held and on_wait is not None:
                on_wait(LockWaitStatus(former.holder, self._place.clock.elapsed() - began_at, is_taken_over=True))
        except BaseException:
            held.release()  # if unfenced, the next holder sees to it
            raise
        return held

    def _await_free(self, log: Log, *, timeout: float, on_wait: LockWaitListener | None) -> LeaseRecord | None:
        """Wait until the lock may be taken, and return its last record; None when it was never taken."""
        watch = LeaseWatch(self._place.clock, self._place.terms)
        while True:
            last = log.last()
            record = decode_lease(last)
            if record is None and last is not None:
                raise self._unusable("it holds a record that this version cannot read")
            if record is None or not record.is_held or watch.is_over(record, last):
                return record
            waited = watch.waited()
            if waited >= timeout and watch.is_alive:
                raise self._held(record.holder)
            if on_wait is not None:
                on_wait(watch.describe(record))
            self._place.wait(watch.pause(record, timeout))

    def _try_append(self, log: Log, holder: LockHolder, former: LeaseRecord | None) -> HeldLease | None:
        """Append the record that takes the lock. Return None when another run was faster."""
        head, epoch = (former.head, former.epoch + 1) if former else (START, 1)
        fenced = former is None or not former.needs_fence
        new = LeaseRecord(head, epoch, token_hex(16), self._place.terms.seconds, True, fenced, holder)
        lines, record = encode_lease(new, after=head, time=self._place.clock.now())
        sent_at = self._place.clock.elapsed()
        try:
            append_until_known(log, head, lines, sending=False, clock=self._place.clock, patience=0.0)
        except Conflict:
            return None
        except NotDone as failure:
            raise self._unusable(failure.reason) from failure
        return HeldLease(self._place, log, record, sent_at=sent_at)

    def _fence(self, held: HeldLease, former: LeaseRecord, holder: LockHolder) -> None:
        entry: JsonObject = {
            "type": "fenced",
            "epoch": former.epoch + 1,
            "writer": held.writer,
            "who": holder.who,
            "former": f"{former.holder.who}: {former.holder.work}",
        }
        journal = self._place.journal()
        try:
            if append_fence(journal, entry, writer=held.writer, clock=self._place.clock, may_fence=held.is_current):
                held.mark_fenced()
            elif held.lost is not None:
                raise self._held(self.holder() or former.holder)
        except NotDone as failure:
            raise self._unusable(failure.reason) from failure
        finally:
            journal.release()

    def _held(self, holder: LockHolder) -> LockHeld:
        hint = (
            "Wait for it, for example with --lock-timeout 10m; `provisioner progress` follows it. If that run is dead, its lock ends "
            f"{self._place.terms.seconds:.0f} seconds after its last sign of life, and the next command takes it over."
        )
        return LockHeld(
            error(
                "lock-held",
                f"{holder.who} is at work on this state: {holder.work}",
                hint=hint,
                detail=f"lock {holder.id} in {self._place.words.lock}",
            )
        )

    def _require_progress(self, refused: LeaseRecord | None, last: LeaseRecord | None) -> None:
        """Raise when nobody was faster, although the append was refused: trying again would never end."""
        if last != refused:
            return
        raise StoreError(
            error(
                "lock-unusable",
                f"cannot lock {self._place.words.lock}: it does not end with the record that stands last in it, because a part of it "
                "was deleted or restored",
                hint="Nothing was changed. Without a lock nothing is bought. Restore a whole backup, not a part of one. Or make sure that no run is "
                "at work, remove every record of this lock, and try again.",
            )
        )

    def _unusable(self, reason: str) -> StoreError:
        return StoreError(
            error(
                "lock-unusable",
                f"cannot lock {self._place.words.lock}: {reason}",
                hint="Nothing was changed. Without a lock nothing is bought. "
                f"{self._place.words.make_writable} and try again.",
            )
        )
