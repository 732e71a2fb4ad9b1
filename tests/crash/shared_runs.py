"""Runs of one state in a database, each a process with a checkout, a home and a user of its own.

Nothing but the database and the cloud connects them. The ledger names the user of a purchase, and so the run. Leases last
seconds here (support/short_lease.py).
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from crash.ledger_checks import require
from crash.shared_cloud import SharedCloud, clone_specs, user_name
from support.fork_server import ForkServer
from support.postgres_stores import open_backend, shared_store
from support.process_workspace import QUIET, CommandResult, ProcessWorkspace, RunningCommand
from support.short_lease import SHORT_TERMS

from provisioner.model.state import State
from provisioner.sandbox import PUBLIC
from provisioner.store import StateStore

PATIENCE = 90.0
"""Seconds after which a run that should have gone on or ended counts as stuck."""
DOUBT_SECONDS = QUIET + 15 * 60
"""For how long the signature of a purchase is accepted, and then for how long it is in doubt."""
DONE, LOCK_LOST, IN_DOUBT = 0, 5, 6
_LOOK_EVERY = 0.03
APPLY = ("apply", "--auto-approve", "--parallelism", "4", "--lock-timeout", "600s", "--resolve-timeout", "1s")


@dataclass(frozen=True)
class Checkout:
    """The specs in a folder that is the home of user `number`."""

    number: int
    workspace: ProcessWorkspace


@dataclass(eq=False)
class SharedRun:
    """One run. It is disturbed once it was killed or suspended."""

    number: int
    workspace: ProcessWorkspace
    command: RunningCommand
    is_killed: bool = False
    is_disturbed: bool = False

    @property
    def user(self) -> str:
        return user_name(self.number)

    @property
    def pid(self) -> int:
        return self.command.process.pid

    @property
    def has_ended(self) -> bool:
        return self.command.process.poll() is not None

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)


@dataclass
class SharedRuns:
    """Keeps several runs of one state going. `places` are the fork servers in which they run, and the cloud's URL there."""

    folder: Path
    cloud: SharedCloud
    url: str
    servers: int
    places: Sequence[tuple[ForkServer, str, str]]
    """A fork server, and the URLs of the cloud and of the database for what it forks."""
    has_short_lease: bool = True
    replaces: bool = False
    """Whether runs that end while a test waits are examined, and replaced by new ones."""
    alive: list[SharedRun] = field(default_factory=list)
    codes: Counter[int] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    late: int = 0
    """How many purchases were leaving when their run was suspended or cut off, and carried out after it had lost its lock."""
    cut_off: set[int] = field(default_factory=set)
    """Places that can't reach the database. Runs that end there are replaced later."""
    _numbers: Any = field(default_factory=count)
    _owed: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._store = shared_store(open_backend(self.url), "test", terms=SHORT_TERMS)

    @property
    def state(self) -> State | None:
        return StateStore(self._store).load()

    def workspace(self, number: int) -> ProcessWorkspace:
        """Returns a new clone of the specs, with a home of its own and the credentials of user `number`."""
        fork_server, endpoint, url = self.places[number % len(self.places)]
        folder = self.folder / f"run-{number}"
        clone_specs(self.folder, folder, self.servers)
        environment = {
            "PROVISIONER_STATE": url,
            "PROVISIONER_PLAN_KEY": "a key of all machines",
            "HW_ACCESS_KEY": f"RUN{number:017}",
            "HW_SECRET_KEY": f"secret-{number}",
            "HW_PROJECT_ID": PUBLIC.project_id,
            "HW_DOMAIN_ID": PUBLIC.domain_id,
        }
        return ProcessWorkspace(folder, self.cloud.world, endpoint, environment, fork_server=fork_server)

    def start(self, *arguments: str, place: int | None = None) -> SharedRun:
        """Starts a run. `place` is the index of where it runs; they take turns by default."""
        return self.start_in(self.checkout(place), *arguments)

    def checkout(self, place: int | None = None) -> Checkout:
        number = next(self._numbers)
        while place is not None and number % len(self.places) != place:
            number = next(self._numbers)
        return Checkout(number, self.workspace(number))

    def start_in(self, checkout: Checkout, *arguments: str) -> SharedRun:
        number, workspace = checkout.number, checkout.workspace
        process = self.places[number % len(self.places)][0].start(
            arguments or APPLY,
            folder=workspace.folder,
            environ=workspace.environ,
            short_lease=self.has_short_lease,
            clock_ahead=self.cloud.ahead,
        )
        workspace.processes.append(process)
        run = SharedRun(number, workspace, RunningCommand(process))
        self.alive.append(run)
        return run

    def holder(self) -> SharedRun | None:
        """Returns the run that the lease names, if it is one of those that have not ended."""
        found = self._store.holder()
        return next((run for run in self.alive if found is not None and run.pid == found.pid), None)

    def collect(self) -> list[SharedRun]:
        """Takes note of the runs that have ended, and returns them."""
        ended = [run for run in self.alive if run.has_ended]
        for run in ended:
            self.alive.remove(run)
            self._examine(run, run.command.end())
        return ended

    def _examine(self, run: SharedRun, result: CommandResult) -> None:
        self.codes[result.code] += 1
        allowed = {-signal.SIGKILL} if run.is_killed else {DONE, LOCK_LOST, IN_DOUBT}
        if result.code not in allowed or "Traceback" in result.text:
            self.problems.append(f"run {run.number} ended by {result.code}: {result.text}")

    def replace_ended(self) -> list[SharedRun]:
        """Starts a run, at the same place, for each that has ended."""
        ended = self.collect()
        owed = [*self._owed, *(self.place(run) for run in ended)]
        self._owed = [place for place in owed if place in self.cut_off]
        for place in owed:
            if place not in self.cut_off:
                self.start(place=place)
        return ended

    def place(self, run: SharedRun) -> int:
        return run.number % len(self.places)

    def bought_by(self, run: SharedRun) -> int:
        return sum(row.caller == run.user for row in self.cloud.purchases())

    def wait_until(self, is_true: Callable[[], bool], what: str, *, seconds: float = PATIENCE) -> None:
        """Looks until it is so. Runs that end meanwhile are replaced."""
        until = time.monotonic() + seconds
        while not is_true():
            require(
                time.monotonic() < until, f"{what} did not come about in {seconds:.0f} s: {self.codes}, {self._ended()}"
            )
            require(not self.problems, "\n".join(self.problems))
            time.sleep(_LOOK_EVERY)
            if self.replaces:
                self.replace_ended()

    def _ended(self) -> list[str]:
        """Returns what the runs have said that ended, and were not examined."""
        return [run.command.end().text for run in self.alive if run.has_ended]

    def buying_holder(self, purchases: int) -> SharedRun:
        """Waits until a run that is not suspended holds the lock and has bought so many, and returns it. Not every run
        finds so many left to buy: then it is the holder that has held the lock for a while.
        """
        found: list[SharedRun] = []
        since = [time.monotonic(), -1]

        def is_found() -> bool:
            run = self.holder()
            if run is None or run.is_disturbed or run.has_ended:
                return False
            if since[1] != run.number:
                since[:] = [time.monotonic(), run.number]
            if self.bought_by(run) >= purchases or time.monotonic() - since[0] > SHORT_TERMS.seconds:
                found[:] = [run]
            return bool(found)

        self.wait_until(is_found, f"a holder with {purchases} purchases")
        return found[0]

    def kill(self, run: SharedRun) -> bool:
        """Kills a run, and returns whether it was still there."""
        run.is_killed = run.is_disturbed = True
        run.command.kill()
        run.is_killed = run.command.process.poll() == -signal.SIGKILL
        if self.replaces:
            self.replace_ended()
        return run.is_killed

    @property
    def is_all_bought(self) -> bool:
        return len({row.name for row in self.cloud.purchases()}) == self.servers

    def finish(self) -> None:
        """Waits until all is bought, and no run is left. Purchases in doubt are believed absent after the quiet period."""
        until = time.monotonic() + PATIENCE
        while self.alive:
            require(time.monotonic() < until, f"{len(self.alive)} runs did not end: {self.codes}")
            self.collect()
            time.sleep(_LOOK_EVERY)

    def run(self, *arguments: str) -> CommandResult:
        """Runs a command in a new checkout, and returns its result."""
        return self.end_of(self.start(*arguments))

    def end_of(self, run: SharedRun) -> CommandResult:
        """Waits for the end of a run, which is not examined, and returns its result."""
        self.alive.remove(run)
        return run.command.end()

    def end(self) -> None:
        for run in self.alive:
            run.workspace.end()

    def check(self) -> None:
        """Requires that the ledger, the state and the history agree: each server is bought once and recorded."""
        require(not self.problems, "\n".join(self.problems))
        names = Counter(row.name for row in self.cloud.purchases())
        twice = {name: times for name, times in names.items() if times > 1}
        require(not twice, f"bought more than once: {twice}")
        state = self.state
        require(len(names) == self.servers, f"{len(names)} of {self.servers} bought")
        require(state is not None and not state.intents, f"in doubt: {state.intents if state else None}")
        recorded = Counter((one.name, one.id) for one in state.resources.values())
        bought = Counter((row.name, row.server_id) for row in self.cloud.purchases())
        require(recorded == bought, "the state differs from the ledger")
        require(all(one.phase.value == "ready" for one in state.resources.values()), "not every server is ready")
