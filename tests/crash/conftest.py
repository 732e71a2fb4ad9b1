"""One zygote and one HTTP server for all plays, and the table that `make crash` ends with."""

from __future__ import annotations

import pytest
from crash.enumeration import Tally, Theatre
from crash.scenarios import SCENARIOS
from crash.stage import Cloud, Machinery
from support.zygote import Zygote

_ROW = "crash"


@pytest.fixture(scope="session")
def machinery():
    machinery = Machinery(Cloud(), Zygote())
    yield machinery
    machinery.zygote.end()
    machinery.cloud.end()


@pytest.fixture
def theatre(machinery, tmp_path, record_property):
    """Opens one for a scenario; what it plays is counted under `title`."""
    tallies = []

    def open_theatre(name: str, title: str | None = None) -> Theatre:
        tally = Tally(title or name)
        tallies.append(tally)
        return Theatre(tmp_path, machinery, SCENARIOS[name], tally)

    yield open_theatre
    for tally in tallies:
        record_property(_ROW, tally.row())


def pytest_terminal_summary(terminalreporter, config):
    """A line for each scenario; only where the whole was asked for, because a sample is no figure."""
    if "crash_whole" not in config.option.markexpr or config.option.markexpr.startswith("not"):
        return
    # What a fixture says at its end stands in the report of the teardown, which has no category of its own when it passes.
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    torn_down = [report for report in reports if getattr(report, "when", None) == "teardown"]
    rows = [row for report in torn_down for name, row in report.user_properties if name == _ROW]
    _write_table(terminalreporter, sorted(rows, key=lambda row: row["name"]))


def _write_table(terminal, rows) -> None:
    if not rows:
        return
    total = {key: sum(row[key] for row in rows) for key in ("steps", "runs", "violations", "seconds")}
    width = max(len(row["name"]) for row in rows)
    terminal.section("deaths, signals and races")
    terminal.write_line(f"{'scenario':{width}}  steps   runs  violations  seconds")
    for row in (*rows, {"name": "in all", **total}):
        figures = f"{row['steps']:5}  {row['runs']:5}  {row['violations']:10}  {row['seconds']:7.1f}"
        terminal.write_line(f"{row['name']:{width}}  {figures}")
