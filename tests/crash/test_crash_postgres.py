"""Deaths, lost locks and faults of the database at every step of eight scenarios whose state is in PostgreSQL.

`make test` does so around the first change of the smallest scenario, `make crash` at every step. Of the larger scenarios every third
step is used for lost locks and faults of the database, with another first one for each kind: all of them pass through the same
few lines of the store, and what differs between the scenarios is covered by deaths, at every step.
"""

from __future__ import annotations

import pytest
from crash.crash_runner import distinct_steps
from crash.database_runner import fail_at_each, fail_over_at_each, statement_steps
from crash.lost_locks import SLEPT, STOOD_STILL, steps_outside_transactions, steps_under_lock, suspend_at_each
from crash.scenarios import SMALLEST
from crash.state_place import DatabasePlace
from support.database_injection import CUT, DOWN, FROZEN, HANG
from support.postgres_server import PgBouncer, bouncer_program, required_server, skip_or_fail

_NAMES = (
    SMALLEST.name,
    "pay-per-use, 8",
    "pay-per-use, nonce",
    "prepaid",
    "two-step",
    "rename",
    "another image",
    "unsubscribe",
)
_STRIDE = 3
_PART = "postgres"
_ENDING = (CUT, DOWN)
_SILENT = (HANG, FROZEN)
"""A server that falls silent is tried in two scenarios, because each run waits for it."""


@pytest.fixture
def database_runner(new_runner):
    """Makes a runner whose state is in PostgreSQL. In the smallest scenario the run creates the tables, elsewhere they are there."""

    def make(name: str, title: str, *, port: int | None = None):
        place = DatabasePlace(required_server(), port)
        place.end_others()
        if name != SMALLEST.name:
            place.create_tables()
        return new_runner(name, f"{name}, {title}", part=_PART, place=place)

    return make


def _selected(name: str, numbers: list[int], kind: int) -> list[int]:
    return numbers if name == SMALLEST.name else numbers[kind % _STRIDE :: _STRIDE]


def _around_purchase(names: tuple[str, ...]) -> list[int]:
    """Returns the numbers of the intent on its way, the purchase on its way, and the answer before and after it is recorded."""
    sent = names.index("before POST dev-servers") + 1
    recorded = names.index("answered append journal", sent) + 1
    return [sent - 1, sent, sent + 4, recorded - 1, recorded]


def test_deaths_around_the_purchase_of_the_smallest(database_runner):
    runner = database_runner(SMALLEST.name, "deaths")
    names = runner.run_undisturbed()
    runner.kill_at_each(_around_purchase(names), names)
    assert not runner.counters.violations


def test_lost_locks_around_the_purchase_of_the_smallest(database_runner):
    runner = database_runner(SMALLEST.name, "lost locks")
    names = runner.run_undisturbed()
    for how, numbers in ((SLEPT, _around_purchase(names)[::2]), (STOOD_STILL, _around_purchase(names)[:2])):
        suspend_at_each(runner, numbers, names, how)
    assert not runner.counters.violations


def test_a_database_that_fails_around_the_purchase_of_the_smallest(database_runner):
    runner = database_runner(SMALLEST.name, "faults")
    names = runner.run_undisturbed()
    numbers = _around_purchase(names)
    for fault, chosen in ((CUT, numbers[::4]), (HANG, numbers[3:4]), (DOWN, numbers[1::2])):
        fail_at_each(runner, chosen, names, fault)
    assert not runner.counters.violations


@pytest.mark.crash_whole
@pytest.mark.parametrize("name", _NAMES)
def test_deaths_at_every_step(database_runner, name):
    runner = database_runner(name, "deaths")
    names = runner.run_undisturbed()
    runner.kill_at_each(distinct_steps(names), names)
    assert not runner.counters.violations


@pytest.mark.crash_whole
@pytest.mark.parametrize("how", [SLEPT, STOOD_STILL])
@pytest.mark.parametrize("name", _NAMES)
def test_lost_locks_at_every_step(database_runner, name, how):
    runner = database_runner(name, f"lost, {how}")
    names = runner.run_undisturbed()
    numbers = _selected(name, steps_under_lock(names), (SLEPT, STOOD_STILL).index(how))
    suspend_at_each(runner, numbers, names, how)
    assert not runner.counters.violations


@pytest.mark.crash_whole
def test_suspended_in_a_transaction(database_runner):
    """The server ends the transaction, so that its locks keep nobody out for ever."""
    runner = database_runner(SMALLEST.name, "lost in a transaction")
    names = runner.run_undisturbed()
    suspend_at_each(runner, [names.index("answered create schema") + 1], names, SLEPT)
    assert not runner.counters.violations


@pytest.mark.crash_whole
@pytest.mark.parametrize("fault", _ENDING)
@pytest.mark.parametrize("name", _NAMES)
def test_a_database_that_fails_at_every_statement(database_runner, name, fault):
    runner = database_runner(name, f"database {fault}")
    names = runner.run_undisturbed()
    fail_at_each(runner, _selected(name, statement_steps(names), _ENDING.index(fault)), names, fault)
    assert not runner.counters.violations


@pytest.mark.crash_whole
@pytest.mark.parametrize("fault", _SILENT)
@pytest.mark.parametrize("name", [SMALLEST.name, "prepaid"])
def test_a_database_that_falls_silent(database_runner, name, fault):
    runner = database_runner(name, f"database {fault}")
    names = runner.run_undisturbed()
    kind = len(_ENDING) + _SILENT.index(fault)
    fail_at_each(runner, _selected(name, statement_steps(names), kind), names, fault)
    assert not runner.counters.violations


@pytest.mark.crash_whole
@pytest.mark.parametrize("name", [SMALLEST.name, "prepaid"])
def test_a_failover_to_an_older_copy(database_runner, name):
    runner = database_runner(name, "failover")
    names = runner.run_undisturbed()
    numbers = [number for number in steps_outside_transactions(names) if number in distinct_steps(names)]
    fail_over_at_each(runner, numbers, names)
    assert not runner.counters.violations


@pytest.mark.crash_whole
def test_through_a_pooler_in_transaction_mode(database_runner):
    server = required_server()
    if bouncer_program() is None:
        skip_or_fail("pgbouncer is not installed: apt-get install pgbouncer")
    pooler = PgBouncer(server)
    try:
        runner = database_runner(SMALLEST.name, "pgbouncer", port=pooler.port)
        names = runner.run_undisturbed()
        runner.kill_at_each(distinct_steps(names), names)
        suspend_at_each(runner, steps_under_lock(names)[::_STRIDE], names, SLEPT)
        fail_at_each(runner, statement_steps(names)[::_STRIDE], names, DOWN)
    finally:
        pooler.stop()
    assert not runner.counters.violations
