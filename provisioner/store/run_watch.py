"""Takes a lock, and tells those who wait for it how far the run is that holds it, which the journal shows."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from secrets import token_hex
from typing import Final

from provisioner.model.diagnostic import LockHeld, StoreError
from provisioner.model.run_progress import RunProgress, RunTracker
from provisioner.store.clock import StoreClock
from provisioner.store.contract import LockedStore, Store
from provisioner.store.journal_tail import JournalTail
from provisioner.store.words import LockHolder, LockWaitListener, LockWaitStatus

_SECONDS_BETWEEN_LOOKS: Final = 1.0
_ID_BYTES: Final = 6
"""The size of a lock's id: long enough to be unique, short enough to be typed."""


def this_process(command: str, who: str, reason: str | None, *, since: int) -> LockHolder:
    """Return this process as the holder of a lock that it is about to take, under a new id."""
    texts = (who, socket.gethostname(), command, reason or "")
    who, host, command, why = (text.encode(errors="replace").decode() for text in texts)
    return LockHolder(who, os.getpid(), host, command, since, token_hex(_ID_BYTES), why)


class RunWatch:
    """Tells how far the run that holds the lock is. The journal is looked at once a second at most."""

    def __init__(self, tail: JournalTail, clock: StoreClock) -> None:
        self._tail = tail
        self._clock = clock
        self._tracker = RunTracker()
        self._looked_at: float | None = None

    def progress(self, holder: LockHolder) -> RunProgress | None:
        """Return how far the holder's run is; None when it has begun none, and when the journal cannot be read."""
        now = self._clock.elapsed()
        if self._looked_at is None or now - self._looked_at >= _SECONDS_BETWEEN_LOOKS:
            self._looked_at = now
            try:
                self._tracker.note(self._tail.read())
            except StoreError:  # reported where the state is read
                return None
        progress = self._tracker.progress
        return progress if progress is not None and progress.began_at >= holder.since else None


@contextmanager
def lock_with_progress(
    store: Store, holder: LockHolder, run_watch: RunWatch, *, timeout: float, on_wait: LockWaitListener | None
) -> Iterator[LockedStore]:
    """Hold the lock of `store` while the context is open. What is said about the run that holds it says how far it is.

    Raises LockHeld.
    """

    def on_wait_with_progress(wait: LockWaitStatus) -> None:
        if on_wait is not None:
            on_wait(replace(wait, progress=run_watch.progress(wait.holder)))

    with ExitStack() as stack:
        try:
            locked = stack.enter_context(store.lock(holder, timeout=timeout, on_wait=on_wait_with_progress))
        except LockHeld as held:
            raise _with_progress(held, store, run_watch) from held
        yield locked


def _with_progress(held: LockHeld, store: Store, run_watch: RunWatch) -> LockHeld:
    """Return the error with how far the run is. A store that fails right now does not take the error's place."""
    try:
        other = store.holder()
    except StoreError:
        return held
    progress = None if other is None else run_watch.progress(other)
    if progress is None:
        return held
    first, *others = held.diagnostics
    return LockHeld(replace(first, summary=f"{first.summary}, {progress}"), *others)
