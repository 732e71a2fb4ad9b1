"""Network namespaces, each with a loopback interface of its own and a link to this machine that can be cut."""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_ADDRESSES = "198.18.{number}.{end}"
"""Of the range for tests of networks (RFC 2544), which no machine is reached by."""
NETWORK = "198.18.0.0/15"
_numbers = count(os.getpid() % 200)


def missing() -> str:
    """Returns why there can be no namespaces; empty where there can."""
    if os.geteuid() != 0:
        return "network namespaces are made by root only"
    if _ip() is None:
        return "the program ip is not installed: apt-get install iproute2"
    try:
        NetworkNamespace().remove()
    except subprocess.CalledProcessError as failure:
        return f"no network namespace can be made here: {failure.stderr.decode().strip()}"
    return ""


def _ip() -> str | None:
    return shutil.which("ip") or shutil.which("ip", path="/usr/sbin:/sbin")


def _run(*arguments: str) -> None:
    subprocess.run([str(_ip()), *arguments], check=True, capture_output=True)


class NetworkNamespace:
    def __init__(self) -> None:
        number = next(_numbers) % 256
        self.name, self._inside, self._outside = f"provisioner-{number}", f"pin{number}", f"pout{number}"
        self.machine, address = (_ADDRESSES.format(number=number, end=end) for end in (1, 2))
        """The address of this machine over the link."""
        _run("netns", "add", self.name)
        try:
            _run("-n", self.name, "link", "set", "lo", "up")
            _run("link", "add", self._outside, "type", "veth", "peer", "name", self._inside, "netns", self.name)
            _run("address", "add", f"{self.machine}/30", "dev", self._outside)
            _run("-n", self.name, "address", "add", f"{address}/30", "dev", self._inside)
            self.heal()
        except BaseException:
            self.remove()
            raise

    @property
    def command(self) -> tuple[str, ...]:
        """The command that runs the command behind it in the namespace, under the same process id."""
        return (str(_ip()), "netns", "exec", self.name)

    def listen(self) -> socket.socket:
        """Returns a socket of this process that listens on the loopback interface of the namespace."""
        with ThreadPoolExecutor(1) as thread:  # a namespace is entered by a thread alone, which ends here
            return thread.submit(self._enter_and_listen).result()

    def _enter_and_listen(self) -> socket.socket:
        with Path("/var/run/netns", self.name).open() as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns failed")
        return socket.create_server(("127.0.0.1", 0))

    def cut(self, *, silently: bool) -> None:
        """Cuts the link. What is sent over it is lost silently, or fails at once."""
        if silently:
            _run("link", "set", self._outside, "down")
        else:
            _run("-n", self.name, "link", "set", self._inside, "down")

    def heal(self) -> None:
        _run("link", "set", self._outside, "up")
        _run("-n", self.name, "link", "set", self._inside, "up")

    def remove(self) -> None:
        _run("netns", "delete", self.name)
