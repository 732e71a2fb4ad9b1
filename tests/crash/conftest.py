"""One zygote and one HTTP server for all plays, and the table that `make crash` ends with."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from crash.crash_environment import Cloud, SharedServers
from crash.crash_runner import CrashRunner
from crash.scenarios import SCENARIOS
from support.crash_fork_server import CrashForkServer
from support.run_counters import ROW, RunCounters, table


@pytest.fixture(scope="session")
def shared_servers():
    shared_servers = SharedServers(Cloud(), CrashForkServer())
    yield shared_servers
    shared_servers.fork_server.end()
    shared_servers.cloud.end()


@pytest.fixture
def folder():
    """On a disk that costs nothing, where there is one: what a killed process has written, and did not sync, is there all the same."""
    place = Path("/dev/shm")  # noqa: S108 - made for this
    with TemporaryDirectory(prefix="crash-", dir=place if place.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def theatre(shared_servers, folder, record_property):
    """Opens one for a scenario; what it plays is counted under `title`."""
    tallies = []

    def open_theatre(name: str, title: str | None = None, *, part: str = "deaths") -> CrashRunner:
        counters = RunCounters(part, title or name)
        tallies.append(counters)
        return CrashRunner(folder, shared_servers, SCENARIOS[name], counters)

    yield open_theatre
    for counters in tallies:
        record_property(ROW, counters.row())


def pytest_terminal_summary(terminalreporter, config):
    """A line for each scenario and part; only where the whole was asked for, because a sample is no figure."""
    if "crash_whole" not in config.option.markexpr or config.option.markexpr.startswith("not"):
        return
    # What a fixture says at its end stands in the report of the teardown, which has no category of its own when it passes.
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    torn_down = [report for report in reports if getattr(report, "when", None) == "teardown"]
    rows = [row for report in torn_down for name, row in report.user_properties if name == ROW]
    if rows:
        terminalreporter.section("what was played")
        for line in table(rows):
            terminalreporter.write_line(line)
