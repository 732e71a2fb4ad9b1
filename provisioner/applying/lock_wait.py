"""Waits, before a call that must not be sent twice is journaled, until the lock is certain to outlast that call.

A lock that is a lease is renewed all the time, by a thread of the store. Where a renewal is late, whoever is about to send
waits for it here. Replies to what was sent before are recorded meanwhile: nothing here holds the journal.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from provisioner.applying.ports import ClockPort, Ledger
from provisioner.model.diagnostic import LOCK_LOST, LockLost, error
from provisioner.model.flow import LONGEST_CHANGE

_PAUSE = 1.0
_LONGEST_WAIT = 300.0
"""How many seconds a renewal may be late. Until then nobody need have taken the lock over."""


class LockWait:
    """The waits of one run for its lock. Once one of them has been in vain, the run sends nothing more."""

    def __init__(self, ledger: Ledger, clock: ClockPort) -> None:
        self._ledger = ledger
        self._clock = clock
        self._is_in_vain = False

    async def until_held(self, may_go_on: Callable[[], None]) -> None:
        """Returns as `until_certain` does. Also raises LockLost when the lock is known to be lost: for a call without an
        intent, no append before it would say so.
        """
        await self.until_certain(may_go_on)
        if self._ledger.seconds_left() == -math.inf:
            summary = "another run has taken the lock over, so nothing more is sent"
            raise LockLost(error(LOCK_LOST, summary, hint="wait for that run, then run the same command again"))

    async def until_certain(self, may_go_on: Callable[[], None]) -> None:
        """Returns when the lock is certain to keep others out for longer than a call may take, or when it is known to
        be lost, which the journal then says. Raises LockLost where that takes too long, and what `may_go_on` raises.
        """
        began_at = self._clock.monotonic()
        while -math.inf < self._ledger.seconds_left() <= LONGEST_CHANGE:
            may_go_on()
            if self._is_in_vain or self._clock.monotonic() - began_at >= _LONGEST_WAIT:
                self._is_in_vain = True
                break
            await self._clock.sleep(_PAUSE)
        if self._is_in_vain:
            raise LockLost(
                error(
                    LOCK_LOST,
                    f"the lock could not be renewed for {_LONGEST_WAIT:.0f} s, so nothing more is sent",
                    hint="find out why the store of the state is out of reach, then run the same command again",
                )
            )
