"""A command `provisioner` for shell scripts. A bare interpreter asks a fork server for each run.

Without it, a script that starts the tool ten times spends five seconds of processor time on imports. What a new interpreter does
beyond a fork is tested with new ones (test_cli_process.py, test_cli_startup.py, README's own commands).
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

_TESTS = Path(__file__).resolve().parent.parent
_WRAPPER = """#!/bin/sh
exec '{python}' -IS '{script}' "$@"
"""
"""A shell script, because a `#!` line cannot name an interpreter whose path has spaces."""
_CLIENT = """\
import json, os, signal, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({path!r})
    request = json.dumps({{"arguments": sys.argv[1:], "folder": os.getcwd(), "environ": dict(os.environ)}}).encode()
    socket.send_fds(server, [len(request).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(request)
    replies = server.makefile("r")
    child = int(replies.readline())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: os.kill(child, number))
    code = int(replies.readline())
os._exit(code if code >= 0 else 128 - code)
"""


class ForkedCommand:
    """Puts the command into `folder`, which the test has to put at the front of PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._socket_folder = tempfile.TemporaryDirectory()  # the name of a socket must be short
        path, script, command = Path(self._socket_folder.name) / "asked", folder / "asks.py", folder / "provisioner"
        script.write_text(_CLIENT.format(path=str(path)))
        command.write_text(_WRAPPER.format(python=sys.executable, script=script))
        command.chmod(0o755)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "support.fork_server_process", str(listener.fileno()), "commands"],
                pass_fds=[listener.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": f"{_TESTS}:{_TESTS.parent}"},
            )

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        self._socket_folder.cleanup()
