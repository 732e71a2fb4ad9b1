"""One fork server and one HTTP server for all crash runs, and the table that `make crash` ends with."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from crash.crash_environment import SharedSandboxServer, SharedServers
from crash.crash_runner import CrashRunner
from crash.scenarios import SCENARIOS
from crash.shared_cloud import SharedCloud
from crash.shared_runs import SharedRuns
from crash.state_place import StatePlace
from support.crash_fork_server import CrashForkServer
from support.fork_server import ForkServer
from support.postgres_server import PostgresServer, missing, skip_or_fail
from support.postgres_stores import close_backends, new_url
from support.process_workspace import SandboxServer
from support.run_counters import ROW, RunCounters, table


@pytest.fixture(scope="session")
def shared_servers():
    shared_servers = SharedServers(SharedSandboxServer(), CrashForkServer())
    yield shared_servers
    shared_servers.fork_server.end()
    shared_servers.cloud.end()


@pytest.fixture
def folder():
    """A folder in memory if the machine has one. A killed process loses nothing there: what it wrote needs no sync to stay."""
    place = Path("/dev/shm")  # noqa: S108 - made for this
    with TemporaryDirectory(prefix="crash-", dir=place if place.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def new_runner(shared_servers, folder, record_property):
    """Makes the runner of a scenario. Its runs are counted under `title`, or the scenario's name, in the section `part`."""
    all_counters = []

    def make(
        name: str, title: str | None = None, *, part: str = "deaths", place: StatePlace | None = None
    ) -> CrashRunner:
        counters = RunCounters(part, title or name)
        all_counters.append(counters)
        return CrashRunner(folder, shared_servers, SCENARIOS[name], counters, place)

    yield make
    for counters in all_counters:
        record_property(ROW, counters.row())


@pytest.fixture(scope="session")
def shared_database():
    if reason := missing():
        skip_or_fail(reason)
    server = PostgresServer()
    server.create(max_connections="100")
    server.start()
    yield server
    server.stop()
    server.remove()


@pytest.fixture(scope="session")
def fork_server():
    fork_server = ForkServer()
    yield fork_server
    fork_server.end()


@pytest.fixture
def cloud_server():
    server = SandboxServer()
    yield server
    server.end()


@pytest.fixture
def new_runs(shared_database, fork_server, cloud_server, folder):
    """Makes the runs of a stack with so many servers."""
    all_runs = []

    def make(servers: int, *, has_short_lease: bool = True) -> SharedRuns:
        cloud_server.app = cloud = SharedCloud(folder)
        url = new_url(shared_database)
        runs = SharedRuns(folder, cloud, url, servers, [(fork_server, cloud_server.url, url)], has_short_lease)
        all_runs.append(runs)
        return runs

    yield make
    for runs in all_runs:
        runs.end()
    close_backends()


def pytest_terminal_summary(terminalreporter, config):
    """Prints a line for each scenario and part, if the whole enumeration was asked for: the figures of a sample mean nothing."""
    if "crash_whole" not in config.option.markexpr or config.option.markexpr.startswith("not"):
        return
    # A property recorded by a fixture's teardown is in the teardown's report, which has no category of its own when it passes.
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    torn_down = [report for report in reports if getattr(report, "when", None) == "teardown"]
    rows = [row for report in torn_down for name, row in report.user_properties if name == ROW]
    if rows:
        terminalreporter.section("runs of the crash tests")
        for line in table(rows):
            terminalreporter.write_line(line)
