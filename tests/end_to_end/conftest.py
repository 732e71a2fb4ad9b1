"""Every test here has a stack of one server, a sandbox served over real HTTP, and a proxy between the two."""

import pytest
from support.console import Console
from support.fault_proxy import FaultProxy
from support.fork_server import ForkServer
from support.site import ONE, MovableClock, Sandbox, Server, Site

from provisioner.sandbox import create_app
from provisioner.sandbox.serving import LoopbackOnly, front


@pytest.fixture(scope="session")
def server():
    server = Server()
    yield server
    server.end()


@pytest.fixture(scope="session")
def forks():
    forks = ForkServer()
    yield forks
    forks.end()


@pytest.fixture
def build_seconds():
    """Servers run as soon as they are bought. A test in which they must not parametrizes this."""
    return 0.0


@pytest.fixture
def clock():
    """The sandbox's."""
    return MovableClock()


@pytest.fixture
def world(server, tmp_path, build_seconds, clock):
    world = tmp_path / "world" / "world.db"
    server.app = LoopbackOnly(create_app(world, build_seconds=build_seconds, clock=clock), clock)
    return world


@pytest.fixture
def proxy(server):
    with FaultProxy(server.url) as proxy:
        yield proxy


@pytest.fixture
def console(server, world):
    """A person who works on the same servers elsewhere."""
    console = Console(server.url)
    yield console
    console.end()


@pytest.fixture
def site(tmp_path, world, proxy, forks):
    """One server to buy, nothing bought yet."""
    folder = tmp_path / "site"
    (folder / "state").mkdir(parents=True, mode=0o700)
    site = Site(folder, world, proxy.url, forks=forks)
    site.write(ONE)
    yield site
    site.end()


@pytest.fixture
def sandbox(server):
    """The control API of a sandbox as `sandbox serve` serves it."""
    return Sandbox(server.url)


@pytest.fixture
def served(tmp_path, server, sandbox, build_seconds):
    """A site before such a sandbox, with nothing between them: what goes wrong is armed by its faults."""
    world = tmp_path / "world" / "world.db"
    server.app = front(create_app(world, build_seconds=build_seconds), sandbox.token)
    (tmp_path / "site" / "state").mkdir(parents=True, mode=0o700)
    site = Site(tmp_path / "site", world, sandbox.url)
    site.write(ONE)
    yield site
    site.end()
