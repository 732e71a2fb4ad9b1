"""Decides when a repeatable request is retried, and after how long. It knows nothing about what is sent.

Purchases and destructive calls are never retried. A throttled request waits for the request budget (request_budget.py)
and is retried as soon as the budget allows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from provisioner.cloud.clock import Clock
from provisioner.cloud.failures import Failure

MAX_ATTEMPTS: Final = 5
MAX_ATTEMPTS_UNANSWERED: Final = 2
"""Used while the server has never answered: waiting does not correct a wrong address, and the user is waiting too."""

MAX_ELAPSED: Final = 60.0
"""Seconds after which no further wait begins, and the maximum of one wait that the server asks for."""

_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 16.0

Result = TypeVar("Result")


async def retry(
    attempt: Callable[[], Awaitable[Result]], clock: Clock, *, answered: Callable[[], bool] = lambda: True
) -> Result:
    """Run `attempt` until it succeeds, fails permanently, or runs out of attempts or time; then raise its last failure.

    `answered` reports whether the server has answered any request of this run.
    """
    started = clock.monotonic()
    attempts = 0
    while True:
        try:
            return await attempt()
        except Failure as failure:
            attempts += 1
            is_last = attempts >= (MAX_ATTEMPTS if answered() else MAX_ATTEMPTS_UNANSWERED)
            if not failure.transient or is_last or clock.monotonic() - started >= MAX_ELAPSED:
                raise
            if failure.is_throttled:
                continue
            wait = max(back_off(attempts, clock), min(failure.retry_after or 0.0, MAX_ELAPSED))
        await clock.sleep(wait)


def back_off(attempts: int, clock: Clock) -> float:
    """Return the seconds to wait after the given number of attempts.

    The wait doubles each time and is drawn from its upper half, so that workers thrown out together do not come back
    together.
    """
    longest = min(_FIRST_WAIT * 2.0 ** (attempts - 1), _LONGEST_WAIT)
    return longest * (0.5 + clock.chance() / 2)
