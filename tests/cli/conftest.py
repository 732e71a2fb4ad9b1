"""Fixtures of the CLI tests: a folder with specs and an empty state, and no environment variable that names a cloud."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial

import pytest
from crash.crash_environment import Account
from support.cli_runner import GATEWAY, CliRunner
from support.postgres_server import required_server
from support.postgres_stores import new_url
from support.process_workspace import MovableClock
from support.shared_stack import SharedStack

from provisioner import sandbox
from provisioner.cli import options
from provisioner.cli.console import console
from provisioner.cloud import Clock
from provisioner.sandbox import PUBLIC
from provisioner.workflow.system_clock import SystemClock

SERVICES = ("MODELARTS", "BSS", "IAM")


@pytest.fixture(autouse=True)
def _new_console():
    """What one test has done to its streams is nothing to the next one: a process of its own would begin with a new console."""
    console.cache_clear()


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys, no_environment) -> CliRunner:
    """One server declared, nothing bought yet. Building takes no time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(options, "SYSTEM_CONFIGURATION", tmp_path / "etc" / "config.yaml")
    monkeypatch.setattr(sandbox, "create_app", partial(sandbox.create_app, build_seconds=0))
    (tmp_path / "state").mkdir(mode=0o700)
    made = CliRunner(tmp_path, capsys)
    made.write_stack()
    made.write_specs(GATEWAY)
    return made


@pytest.fixture
def applied(cli: CliRunner) -> CliRunner:
    """The one server is bought."""
    cli.apply()
    assert cli.bought() == ["gateway"]
    return cli


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> str:
    """The address of a sandbox over real HTTP."""
    world = tmp_path_factory.mktemp("world") / "world.db"
    command = [sys.executable, "-m", "provisioner", "sandbox", "serve", "--world", str(world), "--build-seconds", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().removeprefix("listening on ").strip()
        process.terminate()


@pytest.fixture
def point_to(monkeypatch):
    def point(url: str) -> None:
        for service in SERVICES:
            monkeypatch.setenv(f"PROVISIONER_ENDPOINT_{service}", url)

    return point


@pytest.fixture
def real_cloud(cli, monkeypatch):
    """A stack in the vendor's cloud, with credentials that only a sandbox accepts."""
    cli.write_stack(cloud="huaweicloud")
    monkeypatch.setenv("HW_ACCESS_KEY", PUBLIC.access_key)
    monkeypatch.setenv("HW_SECRET_KEY", PUBLIC.secret_key)
    return cli


@pytest.fixture
def account():
    """A test in which the account is short of money, or closely watched, parametrizes this."""
    return Account()


@pytest.fixture
def clock(cli, monkeypatch, account, tmp_path):
    """The sandbox's; the machine's goes with it, and whoever waits has waited at once."""
    moved = MovableClock()
    accounts = tmp_path / "accounts.json"
    accounts.write_text(json.dumps(account.document()))
    monkeypatch.setattr(
        sandbox, "create_app", partial(sandbox.create_app.func, build_seconds=0, clock=moved, accounts=accounts)
    )
    monkeypatch.setattr(Clock, "utc", lambda _clock: datetime.fromtimestamp(moved.now() / 1000, UTC))
    slept = []

    async def sleep(_clock, seconds):
        slept.append(seconds)

    monkeypatch.setattr(SystemClock, "sleep", sleep)
    monkeypatch.setattr(SystemClock, "monotonic", lambda _clock: sum(slept))
    return moved


@pytest.fixture
def stack(cli, monkeypatch):
    """A stack whose state is in a schema of PostgreSQL that does not exist yet."""
    server = required_server()
    made = SharedStack(cli, server, new_url(server), monkeypatch)
    made.use(made.url)
    return made


@pytest.fixture
def bought(stack):
    """The one server of it is bought."""
    stack.cli.apply()
    return stack
