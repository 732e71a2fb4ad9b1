"""Runs a scenario with a fault of its database at each of its statements, and a failover to an older copy at chosen steps.

The run that meets the fault was not killed, so its exit code has to be true, and whatever it has bought is recorded, kept as a late
answer, or printed. The next run is undisturbed, and what follows is checked as after a kill (crash_runner.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from crash.crash_environment import CrashEnvironment
from crash.crash_runner import CrashRunner
from crash.ledger_checks import check_invariants, ledger_totals, require
from crash.lost_locks import check_ending, suspended
from crash.state_place import DatabasePlace
from support.crash_fork_server import FaultPlan, ProcessResult
from support.database_injection import CUT, DOWN, FROZEN, HANG

SILENCE = 0.2
"""For how many seconds a run waits for a database that hangs."""
_STATEMENT = re.compile(r"^(before|answered) (?!POST|PUT|DELETE|GET)|^before (POST|PUT|DELETE)")
_LASTING = {DOWN: "and stays down", CUT: "cut", HANG: "silent", FROZEN: "silent for good"}


def statement_steps(names: tuple[str, ...]) -> list[int]:
    """Returns the numbers of the steps of statements, and of those before a change of the cloud, where the next statement is hit."""
    return [number for number, name in enumerate(names, start=1) if _STATEMENT.match(name)]


def fail_at_each(runner: CrashRunner, numbers: Iterable[int], names: tuple[str, ...], fault: str) -> None:
    """Runs the scenario once for each step of `numbers`, with this fault there."""
    for number in numbers:
        where = f"{_LASTING[fault]} at step {number} ({names[number - 1]})"
        with runner.record_violations(where), runner.new_environment() as environment:
            environment.expect_stranger(runner.scenario.stranger)
            environment.take_change_requests()
            fault_plan = FaultPlan({number: fault}, database_silence=SILENCE if fault in {HANG, FROZEN} else None)
            result = runner.run(environment, runner.scenario.command, fault_plan)
            check_ending(environment, runner.scenario, result, environment.take_change_requests())
            check_invariants(environment, runner.scenario)
            if runner.is_new(environment, after=f"{fault}, exit {result.code == 0}"):
                runner.settle(environment, result if result.code == 0 else runner.run_again(environment))


def fail_over_at_each(
    runner: CrashRunner, numbers: Iterable[int], names: tuple[str, ...], *, copied_at: int | None = None
) -> None:
    """Suspends a run at each step of `numbers`, and replaces the database by an older copy of it.

    The copy is from before the run, or from its step `copied_at`: a standby that was behind. The next run on this machine may
    be refused, because it has seen later records. On another machine it sees in the cloud what was bought.
    """
    for number in numbers:
        where = f"failed over at step {number} ({names[number - 1]})"
        with runner.record_violations(where), runner.new_environment() as environment:
            result = _fail_over(runner, environment, number, copied_at)
            require("Traceback" not in result.text, result.text)
            _check_printed(environment, result)
            for home in ("", "another-machine"):
                again = environment.start(*runner.scenario.command, home=home).end()
                environment.settle()
                runner.counters.runs += 1
                require("Traceback" not in again.text, again.text)
                bought = ledger_totals(environment, runner.scenario).bought
                require(bought.keys() <= runner.scenario.expected.bought.keys(), f"bought {bought}")
                require(
                    all(times <= runner.scenario.expected.bought[name] for name, times in bought.items()),
                    f"bought twice, exit {again.code}: {again.text}",
                )


def _fail_over(runner: CrashRunner, environment: CrashEnvironment, number: int, copied_at: int | None) -> ProcessResult:
    assert isinstance(environment.place, DatabasePlace)
    older = environment.place.copy(environment.folder) if copied_at is None else None
    events = dict.fromkeys({copied_at or number, number}, "STOP")
    process = environment.start(*runner.scenario.command, fault_plan=FaultPlan(events))
    runner.counters.runs += 1
    if older is None:
        with suspended(process):
            older = environment.place.copy(environment.folder)
    with suspended(process):
        environment.place.replace_by(older)
    result = process.end()
    environment.settle()
    older.remove()
    return result


def _check_printed(environment: CrashEnvironment, result: ProcessResult) -> None:
    """Checks that a run whose database has forgotten what it wrote names what it has bought, or claims nothing about it."""
    for row in environment.ledger:
        if row.kind == "purchase" and row.server_id is not None:
            state = environment.place.load()
            recorded = {one.id for one in state.resources.values()} if state else set()
            doubted = {one.name for one in state.intents.values()} if state else set()
            known = row.server_id in recorded or row.name in doubted or row.server_id in result.text
            require(known, f"{row} is neither recorded nor printed: exit {result.code}: {result.text}")
