"""A state in PostgreSQL beside one in a folder: the same applies and plans in turns, and what they ask of the database.

The server is one of the tests' own (tests/support/postgres_server.py), with fsync on, on this machine.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.fleet import Fleet, quick_fleet
from benchmarks.processes import Figure, in_turns, measure, provisioner

_SIZES = "SELECT count(*), coalesce(sum(length(data)), 0) FROM provisioner.{table}"
_STATEMENTS = ("execute <unnamed>:", "statement:")


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows and bytes in the database."""

    appends: int
    records: int
    checkpoints: int
    checkpoint_bytes: int


class Database:
    """The database of one measured state."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._name = server.new_database()

    @property
    def url(self) -> str:
        return str(self._server.url(self._name))

    def kept(self) -> Kept:
        journal = self._server.execute(_SIZES.format(table="batches") + " WHERE log = 'journal'", database=self._name)
        checkpoints = self._server.execute(_SIZES.format(table="checkpoints"), database=self._name)
        return Kept(*map(int, (*journal[0], *checkpoints[0])))

    def statements(self, fleet: Fleet, command: list[str]) -> int:
        """How many statements one run sends."""
        self._server.execute(f"ALTER DATABASE {self._name} SET log_statement = 'all'")
        before = len(self._server.log)
        measure(command, directory=fleet.directory, environ=fleet.environ)
        self._server.execute(f"ALTER DATABASE {self._name} RESET log_statement")
        lines = self._server.log[before:].splitlines()
        return sum(any(mark in line for mark in _STATEMENTS) and "ALTER DATABASE" not in line for line in lines)


@contextmanager
def postgres() -> Iterator[Any]:
    """A running server. Raises RuntimeError where PostgreSQL or its driver is missing."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from support.postgres_server import PostgresServer, absent  # type: ignore[import-not-found,unused-ignore]

    if reason := absent():
        raise RuntimeError(reason)
    server = PostgresServer()
    server.create(fsync="on")
    server.start()
    try:
        yield server
    finally:
        server.stop()
        server.remove()


def compare(server: Any, *, nodes: int, latency: float, parallelism: int, rounds: int) -> dict[str, Figure]:
    """An apply of a new fleet in each store, in turns."""

    def apply(*, shared: bool) -> Figure:
        with quick_fleet(latency) as fleet:
            environ = {**fleet.environ, **({"PROVISIONER_STATE": Database(server).url} if shared else {})}
            command = provisioner(
                "apply", "--auto-approve", "--parallelism", str(parallelism), "--var", f"nodes={nodes}"
            )
            return measure(command, directory=fleet.directory, environ=environ)

    return in_turns({"folder": lambda: apply(shared=False), "postgres": lambda: apply(shared=True)}, rounds=rounds)


@contextmanager
def applied(server: Any, nodes: int) -> Iterator[tuple[Fleet, Database]]:
    """A fleet whose state is in a database, after its apply."""
    with quick_fleet() as quick:
        database = Database(server)
        fleet = Fleet(quick.directory, {**quick.environ, "PROVISIONER_STATE": database.url}, quick.address)
        command = provisioner("apply", "--auto-approve", "--parallelism", "200", "--var", f"nodes={nodes}")
        measure(command, directory=fleet.directory, environ=fleet.environ)
        yield fleet, database
