"""Fixtures and settings of all tests: the network is limited to loopback, and `no_environment` removes the cloud's variables."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
from pathlib import Path

import hypothesis
import pytest
from support.depth import DEEP
from support.dispositions import restore_dispositions
from support.heavy import SkippedModule, lacks_heavy_tools
from support.postgres_server import end_shared_server
from support.run_counters import ROW, RunCounters

# No deadline, because what is quick alone may be slow on a busy machine.
hypothesis.settings.register_profile(
    "busy machine",
    deadline=None,
    max_examples=100 if DEEP else 50,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("busy machine")

_CLOUD_VARIABLES = ("HW_", "HUAWEICLOUD_", "PROVISIONER_", "OS_", "GITHUB_", "GITEA_", "CI_", "GITLAB_")


_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - in memory, if the machine has it
_NEEDED_SPACE = 2 * 1024**3
if os.access(_IN_MEMORY, os.W_OK) and shutil.disk_usage(_IN_MEMORY).free > _NEEDED_SPACE:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_IN_MEMORY))  # before pytest makes its first folder

restore_dispositions()  # before any test, and before xdist starts its workers


def pytest_pycollect_makemodule(module_path, parent):
    if lacks_heavy_tools(module_path):
        return SkippedModule.from_parent(parent, path=module_path)
    return None


def pytest_addoption(parser):
    parser.addoption(
        "--refresh-scenarios", action="store_true", help="rewrite plan.txt and calls.txt of every scenario"
    )
    parser.addoption("--refresh-recordings", action="store_true", help="rewrite tests/rendering/recordings")


def _is_loopback(host):
    if host in {None, "", "localhost", b"localhost"}:
        return True
    try:
        return ipaddress.ip_address(host.decode() if isinstance(host, bytes) else host).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session", autouse=True)
def servers_end():
    """Ends the PostgreSQL server of this process, if a test has started one."""
    yield
    end_shared_server()


@pytest.fixture(scope="session", autouse=True)
def loopback_only():
    """Fails a test that connects to anything but loopback, before a packet leaves."""
    connect, connect_ex, resolve = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def require_loopback(host):
        if (host.decode() if isinstance(host, bytes) else str(host)).endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")  # RFC 6761
        if not _is_loopback(host):
            pytest.fail(f"this test reaches for the network: {host}")

    def guarded(method):
        def call(self, address):
            if self.family in {socket.AF_INET, socket.AF_INET6}:
                require_loopback(address[0])
            return method(self, address)

        return call

    def guarded_resolve(host, *args, **kwargs):
        require_loopback(host)
        return resolve(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded(connect))
        patch.setattr(socket.socket, "connect_ex", guarded(connect_ex))
        patch.setattr(socket, "getaddrinfo", guarded_resolve)
        yield


@pytest.fixture
def counters(request, record_property):
    """Counters of a test marked `crash_part`. Its line in the table of `make crash` has the test's name."""
    (part,) = request.node.get_closest_marker("crash_part").args
    counters = RunCounters(part, request.node.originalname.removeprefix("test_").replace("_", " "))
    yield counters
    record_property(ROW, counters.row())


@pytest.fixture
def no_environment(monkeypatch):
    """Removes the credentials, endpoints and settings of whoever runs the tests."""
    for name in [*os.environ]:
        if name.startswith(_CLOUD_VARIABLES):
            monkeypatch.delenv(name)
