"""Fixtures of the end-to-end tests: a stack of one server, a sandbox served over real HTTP, and a fault proxy between the two."""

import time

import pytest
from support.console import Console
from support.fault_proxy import FaultProxy
from support.fork_server import ForkServer
from support.process_workspace import ONE, QUIET, MovableClock, ProcessWorkspace, SandboxControl, SandboxServer

from provisioner.sandbox import create_app
from provisioner.sandbox.serving import LoopbackOnly, front
from provisioner.workflow.system_clock import SystemClock

"""Seconds: longer than the quiet period of a purchase and the tolerance of clocks."""


@pytest.fixture(scope="session")
def server():
    server = SandboxServer()
    yield server
    server.end()


@pytest.fixture(scope="session")
def fork_server():
    fork_server = ForkServer()
    yield fork_server
    fork_server.end()


@pytest.fixture
def build_seconds():
    """Servers run as soon as they are bought, unless a test parametrizes this."""
    return 0.0


@pytest.fixture
def clock():
    """The sandbox's clock."""
    return MovableClock()


@pytest.fixture
def sandbox_db(server, tmp_path, build_seconds, clock):
    sandbox_db = tmp_path / "world" / "world.db"
    server.app = LoopbackOnly(create_app(sandbox_db, build_seconds=build_seconds, clock=clock), clock)
    return sandbox_db


@pytest.fixture
def proxy(server):
    with FaultProxy(server.url) as proxy:
        yield proxy


@pytest.fixture
def console(server, sandbox_db):
    """The cloud's console, where somebody changes the same servers."""
    console = Console(server.url)
    yield console
    console.end()


@pytest.fixture
def workspace(tmp_path, sandbox_db, proxy, fork_server):
    """A workspace with one server to buy, nothing bought yet. Its requests go through the fault proxy."""
    folder = tmp_path / "workspace"
    (folder / "state").mkdir(parents=True, mode=0o700)
    workspace = ProcessWorkspace(folder, sandbox_db, proxy.url, fork_server=fork_server)
    workspace.write(ONE)
    yield workspace
    workspace.end()


@pytest.fixture
def sandbox(server):
    """A client of the control API, for a sandbox served as by `sandbox serve`."""
    return SandboxControl(server.url)


@pytest.fixture
def pass_quiet_period(sandbox, monkeypatch):
    """By the cloud's clock and by this machine's: one of them alone is not believed."""

    def both():
        sandbox.advance(QUIET)
        monkeypatch.setattr(SystemClock, "now", lambda _: time.time_ns() // 1_000_000 + QUIET * 1000)

    return both


@pytest.fixture
def colleague_at(server):
    """A console that leaves the server's app as it is: for tests with a sandbox of their own."""
    console = Console(server.url)
    yield console
    console.end()


@pytest.fixture
def direct_workspace(tmp_path, server, sandbox, build_seconds):
    """A workspace that talks to such a sandbox directly. Faults are armed in the sandbox."""
    sandbox_db = tmp_path / "world" / "world.db"
    server.app = front(create_app(sandbox_db, build_seconds=build_seconds), sandbox.token)
    (tmp_path / "workspace" / "state").mkdir(parents=True, mode=0o700)
    workspace = ProcessWorkspace(tmp_path / "workspace", sandbox_db, sandbox.url)
    workspace.write(ONE)
    yield workspace
    workspace.end()
