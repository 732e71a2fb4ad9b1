"""When a request that may be repeated is repeated, and after how long. Knows nothing of what is sent.

Purchases and destructive calls never come here. How long a throttled request waits is the budget's to say (request_budget.py): it is
tried again as soon as its turn has come.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from provisioner.cloud.clock import Clock
from provisioner.cloud.failures import Failure

MAX_ATTEMPTS: Final = 5
MAX_ATTEMPTS_UNANSWERED: Final = 2
"""As long as nobody has ever answered: a wrong address does not come right by waiting, and somebody is watching."""

MAX_ELAPSED: Final = 60.0
"""Seconds after which no further wait begins, and the longest that one wait may be asked to take."""

_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 16.0

Result = TypeVar("Result")


async def retry(
    attempt: Callable[[], Awaitable[Result]], clock: Clock, *, answered: Callable[[], bool] = lambda: True
) -> Result:
    """Run `attempt` until it succeeds, fails for good, or patience ends; then its last failure is raised.

    `answered`: whether the other end has answered anything yet in this run.
    """
    begun = clock.monotonic()
    attempts = 0
    while True:
        try:
            return await attempt()
        except Failure as failure:
            attempts += 1
            is_last = attempts >= (MAX_ATTEMPTS if answered() else MAX_ATTEMPTS_UNANSWERED)
            if not failure.transient or is_last or clock.monotonic() - begun >= MAX_ELAPSED:
                raise
            if failure.is_throttled:
                continue
            wait = max(back_off(attempts, clock), min(failure.retry_after or 0.0, MAX_ELAPSED))
        await clock.sleep(wait)


def back_off(attempts: int, clock: Clock) -> float:
    """Doubling, each between half and whole, so that workers thrown out together do not come back together."""
    whole = min(_FIRST_WAIT * 2.0 ** (attempts - 1), _LONGEST_WAIT)
    return whole * (0.5 + clock.chance() / 2)
