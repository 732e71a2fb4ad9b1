"""Takes the lock from the run that holds it, by suspending it or cutting it off from the database, and checks what it does then."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from crash.ledger_checks import require
from crash.shared_runs import IN_DOUBT, LOCK_LOST, SharedRun, SharedRuns


def suspend_past_lease(runs: SharedRuns, run: SharedRun) -> bool:
    """Suspends the holder until another run has taken over and bought something. It must end, and buy nothing more.

    Returns whether it was suspended in time.
    """
    run.is_disturbed = True
    run.send(signal.SIGSTOP)
    try:
        if runs.holder() is not run or runs.is_all_bought:
            return False
        before = len(runs.cloud.purchases())
        runs.wait_until(lambda: _is_taken_over(runs, run, before), f"a take-over from run {run.number}")
        known = _known_of(runs, run)
    finally:
        run.send(signal.SIGCONT)
    _expect_end(runs, run, known)
    return True


def cut_off_past_lease(
    runs: SharedRuns, run: SharedRun, cut: Callable[[], None], heal: Callable[[], None], *, seconds: float
) -> bool:
    """Cuts the place of the holder off from the database, at least for so many seconds, and until a run elsewhere
    has taken over and bought something. The holder must end, and buy nothing more.

    Returns whether it was cut off in time.
    """
    run.is_disturbed = True
    place = runs.place(run)
    cut()
    runs.cut_off.add(place)
    until = time.monotonic() + seconds
    try:
        if runs.holder() is not run or runs.is_all_bought:
            return False
        before = len(runs.cloud.purchases())
        runs.wait_until(lambda: _is_taken_over(runs, run, before), f"a take-over from run {run.number}")
        known = _known_of(runs, run)
        runs.wait_until(lambda: time.monotonic() > until, "time")
    finally:
        heal()
        runs.cut_off.remove(place)
    _expect_end(runs, run, known)
    return True


def _is_taken_over(runs: SharedRuns, run: SharedRun, before: int) -> bool:
    others = [row for row in runs.cloud.purchases()[before:] if row.caller != run.user]
    return bool(others) or (runs.holder() not in {None, run} and runs.is_all_bought)


def _known_of(runs: SharedRuns, run: SharedRun) -> tuple[set[str], set[str]]:
    """Returns the names of what the run has bought, and of what is in doubt."""
    state = runs.state
    bought = {row.name for row in runs.cloud.purchases() if row.caller == run.user}
    return bought, {intent.name for intent in state.intents.values()} if state else set()


def _expect_end(runs: SharedRuns, run: SharedRun, known: tuple[set[str], set[str]]) -> None:
    """Waits until a run ends that has lost its lock, and requires that it says so and has bought no more.

    A call that was leaving at the very moment may be carried out. Whoever took over has it in doubt.
    """
    runs.wait_until(lambda: run not in runs.alive, f"the end of run {run.number}")
    code = run.command.process.poll()
    require(code in {LOCK_LOST, IN_DOUBT}, f"run {run.number} lost its lock and ended by {code}")
    before, in_doubt = known
    late = {row.name for row in runs.cloud.purchases() if row.caller == run.user} - before
    require(late <= in_doubt, f"run {run.number} bought {late - in_doubt} after it had lost its lock")
    runs.late += len(late)
