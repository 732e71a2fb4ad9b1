"""Suspends a run at a step until another one has taken its lock over and done the same work, then lets it go on.

The other run works on another machine, whose clock passes a lease in no time. The suspended run's own machine has slept, so that
its clocks show the time; or it has stood still, as a virtual machine does that is moved: its clocks show nothing, while the cloud's
have advanced by more than the quiet period, so that the other run may have bought anew.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from crash.crash_environment import QUIET_SECONDS, CrashEnvironment
from crash.crash_runner import CrashRunner
from crash.ledger_checks import check_invariants, check_state_matches_cloud, load_valid_state, require
from crash.scenarios import Scenario
from support.crash_fork_server import FaultPlan, ForkedProcess, ProcessResult
from support.fault_injection import ASLEEP

SLEPT, STOOD_STILL = "slept", "stood still"
_TIMEOUT_SECONDS = 30.0
_LONGER_THAN_DOUBT = QUIET_SECONDS + 1300.0
_REQUEST = re.compile(r"^before (POST|PUT|DELETE|GET)")
_CHANGE = re.compile(r"^before (POST|PUT|DELETE)")
_UNDER_WAY = re.compile(r"^(before|half sent|sent|answered) (POST|PUT|DELETE)|^answered append journal")
"""Steps after the last look at the lock and before the end of a request: what was about to be sent may arrive."""


def suspend_at_each(runner: CrashRunner, numbers: Iterable[int], names: tuple[str, ...], how: str) -> None:
    """Runs the scenario once for each step of `numbers`, suspended there and overtaken by another run."""
    for number in numbers:
        where = f"{how} at step {number} ({names[number - 1]})"
        with runner.record_violations(where), runner.new_environment() as environment:
            environment.expect_stranger(runner.scenario.stranger)
            overtaken = _overtake(runner, environment, number, how)
            if overtaken is not None:
                is_late = _is_under_way(overtaken.steps, number)
                if runner.is_new(environment, after=f"{how} {is_late}"):
                    runner.settle(environment, runner.run_again(environment), executed_late=is_late)


def steps_outside_transactions(names: tuple[str, ...]) -> list[int]:
    """Returns the numbers of the steps at which no transaction is open: the server would end one only after ten seconds."""
    found, is_inside = [], False
    for number, name in enumerate(names, start=1):
        is_inside = name == "answered begin" or (is_inside and name != "answered commit")
        if not is_inside:
            found.append(number)
    return found


def steps_under_lock(names: tuple[str, ...]) -> list[int]:
    """Returns the numbers of the steps outside transactions from the moment on when the lock is asked for."""
    return [number for number in steps_outside_transactions(names) if number > names.index("before append lease")]


def _overtake(runner: CrashRunner, environment: CrashEnvironment, number: int, how: str) -> ProcessResult | None:
    """Returns how the suspended run ended, after its checks; None if it ended before that step."""
    event = "STOP+SLEEP" if how == SLEPT else "STOP"
    runner.counters.runs += 1
    process = environment.start(*runner.scenario.command, fault_plan=FaultPlan({number: event}))
    with suspended(process) as is_suspended:
        if is_suspended:
            environment.advance_clock(ASLEEP if how == SLEPT else _LONGER_THAN_DOUBT)
            other = environment.start(*runner.next_command(environment), home="another-machine").end()
            runner.counters.runs += 1
            require("Traceback" not in other.text, other.text)
            environment.take_change_requests()
    result = process.end()
    environment.settle()
    if not is_suspended:
        return None
    asked = environment.take_change_requests()
    if "answered append lease" in result.steps[:number]:
        is_late = _is_under_way(result.steps, number)
        allowed = _workers(runner) if is_late else _workers(runner) - 1
        require(len(asked) <= allowed, f"overtaken, and asked for {asked}: {result.text}")
        require(result.code in {0, 1, 4, 5, 6}, f"exit {result.code} after {other.code} of the other: {result.text}")
    check_ending(environment, runner.scenario, result, asked)
    check_invariants(environment, runner.scenario)
    return result


def _is_under_way(steps: tuple[str, ...], number: int) -> bool:
    """Returns whether a change of the cloud was about to be sent, or sent, at the step of this number."""
    if _UNDER_WAY.match(steps[number - 1]):
        return True
    is_renewal = steps[number - 1].endswith("append lease")  # it is made right before a request (simulated_time.py)
    following = next((step for step in steps[number:] if _REQUEST.match(step)), "")
    return is_renewal and bool(_CHANGE.match(following))


def _workers(runner: CrashRunner) -> int:
    """Returns how many requests may be under way at a time."""
    return len(runner.scenario.expected.bought)


def check_ending(environment: CrashEnvironment, scenario: Scenario, result: ProcessResult, asked: list[str]) -> None:
    """Checks that the exit code of a run whose store was disturbed is true, and that no reply is lost."""
    require("Traceback" not in result.text, result.text)
    match result.code:
        case 0:
            check_state_matches_cloud(environment, scenario)
        case 1 if "Apply complete!" in result.text:  # only the end of the run could not be recorded
            check_state_matches_cloud(environment, scenario)
        case 1 | 4:
            require(not asked, f"exit {result.code}, and asked for {asked}: {result.text}")
        case 5 | 6 | 7:
            pass
        case code:
            require(code == scenario.code, f"exit {code}: {result.text}")
    check_replies(environment, result)


def check_replies(environment: CrashEnvironment, result: ProcessResult) -> None:
    """Checks that whatever a run that was not killed has bought is recorded, or named in its output."""
    state = load_valid_state(environment)
    recorded = {name for one in state.resources.values() for name in (one.id, one.order_id)} if state else set()
    recorded |= set(state.released) if state else set()
    for row in environment.ledger:
        if row.kind == "purchase":
            known = {row.server_id, row.order_id} - {None}
            is_doubted = state is not None and any(one.name == row.name for one in state.intents.values())
            told = any(name in result.text for name in known)
            require(known & recorded or told or is_doubted, f"{row} is neither recorded nor printed: {result.text}")


@contextmanager
def suspended(process: ForkedProcess) -> Iterator[bool]:
    """Waits until the process has stopped itself; False if it has ended. It goes on when the context ends."""
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while (status := _status(process.process)) not in {"T", "Z"}:
        assert time.monotonic() < deadline, "a process neither stops nor ends"
        time.sleep(0.002)
    try:
        yield status == "T"
    finally:
        os.kill(process.process, signal.SIGCONT)


def _status(process: int) -> str:
    """Returns the letter of the process's status in /proc."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
