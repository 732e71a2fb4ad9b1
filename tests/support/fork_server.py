"""Starts real processes of the tool by forking a preloaded one, which saves half a second of processor time for imports.

Such a process has its own folder, environment, streams and locks, and can be killed, like one of a new interpreter. What a new
interpreter does beyond that is tested with new ones (test_e2e_signals.py, test_cli_process.py, test_cli_startup.py,
test_documents.py).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

_TESTS = Path(__file__).resolve().parent.parent


class ForkServer:
    def __init__(self, within: tuple[str, ...] = ()) -> None:
        """`within` is a command that runs the command behind it elsewhere, such as in a network namespace."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [*within, sys.executable, "-m", "support.fork_server_process", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": f"{_TESTS}:{_TESTS.parent}"},
            )
        self._connection = ours
        self._replies = ours.makefile("r")
        self._lock = threading.Lock()

    def start(
        self,
        arguments: tuple[str, ...],
        *,
        folder: Path,
        environ: dict[str, str],
        short_lease: bool = False,
        clock_ahead: float = 0.0,
    ) -> ForkedCliProcess:
        """Starts a process. `short_lease`: see support/short_lease.py. `clock_ahead`: by how many seconds its clock is ahead."""
        settings = {"short_lease": short_lease, "clock_ahead": clock_ahead}
        request = json.dumps({"arguments": arguments, "folder": str(folder), "environ": environ, **settings}).encode()
        pipes = [os.pipe() for _ in ("stdout", "stderr", "code")]
        with self._lock:
            # The length comes first, because a stream has no message boundaries.
            socket.send_fds(self._connection, [len(request).to_bytes(4, "big")], [writer for _, writer in pipes])
            self._connection.sendall(request)
            pid = int(self._replies.readline())
        for _, writer in pipes:
            os.close(writer)
        out, err, code = (reader for reader, _ in pipes)
        return ForkedCliProcess(("provisioner", *arguments), pid, out, err, code)

    def end(self) -> None:
        self._replies.close()
        self._connection.close()
        self._process.wait(30)


class ForkedCliProcess:
    """A forked process with the part of the interface of subprocess.Popen, with text streams, that tests need."""

    stdin = None

    def __init__(self, args: tuple[str, ...], pid: int, out: int, err: int, code: int) -> None:
        self.args = args
        self.pid = pid
        self.returncode: int | None = None
        self.stdout, self.stderr = os.fdopen(out), os.fdopen(err)
        self._changed = threading.Condition()
        threading.Thread(target=self._await_code, args=(code,), daemon=True).start()

    def _await_code(self, descriptor: int) -> None:
        with os.fdopen(descriptor) as pipe:
            code = int(pipe.read())
        with self._changed:
            self.returncode = code
            self._changed.notify_all()

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        with self._changed:
            if not self._changed.wait_for(lambda: self.returncode is not None, timeout):
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        with self._changed:
            if self.returncode is None:
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        output: dict[str, str] = {}
        streams = {"out": self.stdout, "err": self.stderr}
        readers = [
            threading.Thread(target=lambda name=name, stream=stream: output.update({name: stream.read()}), daemon=True)
            for name, stream in streams.items()
        ]
        for reader in readers:
            reader.start()
        self.wait(timeout)
        for reader in readers:
            reader.join(timeout)
        for stream in streams.values():
            stream.close()
        return output["out"], output["err"]
