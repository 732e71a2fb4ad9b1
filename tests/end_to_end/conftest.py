"""Every test here has a stack of one server, a sandbox served over real HTTP, and a proxy between the two."""

import pytest
from support.fault_proxy import FaultProxy
from support.site import ONE, Served, Site


@pytest.fixture
def build_seconds():
    """Servers run as soon as they are bought. A test in which they must not parametrizes this."""
    return 0.0


@pytest.fixture
def served(tmp_path, build_seconds):
    sandbox = Served(tmp_path / "world" / "world.db", build_seconds=build_seconds)
    yield sandbox
    sandbox.end()


@pytest.fixture
def proxy(served):
    with FaultProxy(served.url) as proxy:
        yield proxy


@pytest.fixture
def site(tmp_path, served, proxy):
    """One server to buy, nothing bought yet."""
    folder = tmp_path / "site"
    (folder / "state").mkdir(parents=True, mode=0o700)
    site = Site(folder, served.world, proxy.url)
    site.write(ONE)
    yield site
    site.end()
