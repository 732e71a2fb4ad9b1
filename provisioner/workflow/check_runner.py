"""Makes the checks of `doctor`: each is bounded in time, and none that fails, hangs or breaks hides another one."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

from provisioner.model.check import Check, CheckOutcome, CheckResult, failed, result_of_error, skipped
from provisioner.model.diagnostic import ProvisionerError
from provisioner.model.reading_progress import ReadingProgress

LIMIT: Final = 10.0
"""Seconds after which a check is given up."""
LONG: Final = 120.0
"""The same for a check that reads what grows: many specs, a long journal, a list of many servers."""
_BETWEEN_SIGNS: Final = 0.25
Value = TypeVar("Value")


class CheckRunner:
    """The checks that were made so far, in the order in which they began.

    `scale` multiplies every time limit.
    """

    def __init__(self, progress: ReadingProgress, *, scale: float = 1.0) -> None:
        self._progress = progress
        self._scale = scale
        self._checks: list[Check] = []
        self._obstacles: dict[str, str] = {}
        """Why nothing can be built on a check, by its topic/name."""

    @property
    def checks(self) -> tuple[Check, ...]:
        return tuple(self._checks)

    async def run(
        self,
        topic: str,
        name: str,
        examine: Callable[[], Awaitable[CheckResult]],
        *,
        needs: tuple[str, ...] = (),
        limit: float = LIMIT,
        stops: bool = True,
    ) -> bool:
        """Make a check and return whether others can build on it.

        It is skipped if one of the checks `needs` (topic/name) gave nothing to build on. `stops`: what it finds may stop an apply; if
        not, a failure becomes a warning.
        """
        position = len(self._checks)
        self._checks.append(Check(topic, name, skipped("it was not made")))
        reason = next((self._obstacles[need] for need in needs if need in self._obstacles), "")
        started = time.monotonic()
        if reason:
            result = skipped(reason)
        else:
            async with self._signs_of_life(f"Checking {topic}: {name}"):
                result = await _bounded(examine, limit * self._scale)
        self._note_obstacle(topic, name, result.outcome)
        if not stops and result.outcome is CheckOutcome.FAILED:
            result = replace(result, outcome=CheckOutcome.WARNING)
        self._checks[position] = Check(topic, name, result, time.monotonic() - started)
        return f"{topic}/{name}" not in self._obstacles

    async def run_blocking(
        self,
        topic: str,
        name: str,
        examine: Callable[[], CheckResult],
        *,
        needs: tuple[str, ...] = (),
        limit: float = LIMIT,
        stops: bool = True,
    ) -> bool:
        """Make a check that blocks, in a thread of its own. See `run`."""
        return await self.run(topic, name, partial(in_daemon_thread, examine), needs=needs, limit=limit, stops=stops)

    def skip(self, topic: str, name: str, reason: str) -> None:
        self._checks.append(Check(topic, name, skipped(reason)))
        self._note_obstacle(topic, name, CheckOutcome.SKIPPED)

    def _note_obstacle(self, topic: str, name: str, outcome: CheckOutcome) -> None:
        if outcome in {CheckOutcome.FAILED, CheckOutcome.SKIPPED}:
            how = "was skipped" if outcome is CheckOutcome.SKIPPED else "failed"
            self._obstacles[f"{topic}/{name}"] = f"because {topic}/{name} {how}"

    @asynccontextmanager
    async def _signs_of_life(self, what: str) -> AsyncIterator[None]:
        if not self._progress.is_shown:
            yield
            return

        async def show() -> None:
            while True:
                self._progress.begin(what)
                await asyncio.sleep(_BETWEEN_SIGNS)

        showing = asyncio.create_task(show())
        try:
            yield
        finally:
            showing.cancel()


async def in_daemon_thread(work: Callable[[], Value]) -> Value:
    """Run `work` in a thread that, unlike one of asyncio's own, keeps no process from ending when it hangs."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Value] = loop.create_future()

    def deliver(put: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(lambda: None if outcome.done() else put())

    def run() -> None:
        try:
            value = work()
        except BaseException as problem:  # noqa: BLE001 - it is raised where the outcome is awaited
            deliver(partial(outcome.set_exception, problem))
        else:
            deliver(partial(outcome.set_result, value))

    threading.Thread(target=run, daemon=True).start()
    return await outcome


async def _bounded(examine: Callable[[], Awaitable[CheckResult]], seconds: float) -> CheckResult:
    try:
        async with asyncio.timeout(seconds):
            return await examine()
    except TimeoutError:
        return failed(
            "check-timeout",
            f"there was no answer within {seconds:g} s, so this check was given up",
            hint="Find out what it waits for: a network, a database or a disk that hangs. An apply would wait there too.",
        )
    except ProvisionerError as problem:
        return result_of_error(problem)
    except OSError as problem:
        found = f"the system refused: {problem.strerror or problem}"
        return failed("check-broken", found, hint="Check the permissions of what this check looks at.")
    except Exception as problem:  # noqa: BLE001 - one broken check hides no other one
        found = f"this check broke off ({type(problem).__name__})"
        return failed("check-broken", found, hint="Please report it. The other checks were made all the same.")
