"""What every test runs under: no network but loopback, and, where asked for, no environment that names a cloud."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
from pathlib import Path

import hypothesis
import pytest
from support.dispositions import restore_dispositions
from support.heavy import SkippedModule, lacks_heavy_tools
from support.run_counters import ROW, RunCounters

# No test asserts on absolute time, and a deadline is one: what is quick alone may be slow on a busy machine.
hypothesis.settings.register_profile(
    "busy machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy machine")

_CLOUD_VARIABLES = ("HW_", "HUAWEICLOUD_", "PROVISIONER_", "OS_")


_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a disk that costs nothing, where there is one
_ROOM = 2 * 1024**3
if os.access(_IN_MEMORY, os.W_OK) and shutil.disk_usage(_IN_MEMORY).free > _ROOM:
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


def _is_loopback(host):
    if host in {None, "", "localhost", b"localhost"}:
        return True
    try:
        return ipaddress.ip_address(host.decode() if isinstance(host, bytes) else host).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session", autouse=True)
def loopback_only():
    """A test that reaches for the real cloud fails here, before a packet leaves."""
    connect, connect_ex, look_up = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def require_loopback(host):
        if (host.decode() if isinstance(host, bytes) else str(host)).endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")  # as RFC 6761 has it
        if not _is_loopback(host):
            pytest.fail(f"this test reaches for the network: {host}")

    def guarded(method):
        def call(self, address):
            if self.family in {socket.AF_INET, socket.AF_INET6}:
                require_loopback(address[0])
            return method(self, address)

        return call

    def guarded_look_up(host, *rest, **named):
        require_loopback(host)
        return look_up(host, *rest, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded(connect))
        patch.setattr(socket.socket, "connect_ex", guarded(connect_ex))
        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        yield


@pytest.fixture
def counters(request, record_property):
    """Of what a test that is marked `crash_part` plays; its line in the table of `make crash` is the test's name."""
    (part,) = request.node.get_closest_marker("crash_part").args
    counters = RunCounters(part, request.node.originalname.removeprefix("test_").replace("_", " "))
    yield counters
    record_property(ROW, counters.row())


@pytest.fixture
def no_environment(monkeypatch):
    """No credentials, endpoints or settings of whoever runs the tests."""
    for name in [*os.environ]:
        if name.startswith(_CLOUD_VARIABLES):
            monkeypatch.delenv(name)
