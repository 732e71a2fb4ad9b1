"""A workspace whose commands run as real processes, against a sandbox over real HTTP whose clock can be moved.

Tests compare with the sandbox's ledger. Runs that only prepare a test happen inside the test's own process; the run that a
test is about is always a process of its own (support/fork_server.py).
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import uvicorn
from support.fork_server import ForkedCliProcess, ForkServer
from support.instant_clock import InstantClock
from support.plain_http import NO_TLS
from support.stack_text import DEFAULTS

from provisioner.cli.command_line import run as run_in_process
from provisioner.cli.console import console
from provisioner.cli.main import catalogue
from provisioner.model.kind import Catalogue
from provisioner.sandbox import read_ledger
from provisioner.sandbox.serving import configure
from provisioner.workflow.system_clock import SystemClock

TIMEOUT_SECONDS = 60

STACK = f"stack: test\ncloud: sandbox\nregion: cn-north-4\n{DEFAULTS}"
ONE = "servers: {alpha: {}}\n"
SILENT_BILLING = {
    "at": "ListPayPerUseCustomerResources",
    "times": "always",
    "fault": "answer",
    "status": 403,
    "code": "CBC.0151",
    "executed": False,
}
"""A rule of the sandbox: billing refuses to list what is subscribed."""
PREPAID = "{charging_mode: PRE_PAID, period_type: MONTH, period_num: 1, is_auto_pay: true}"
THREE = f"servers: {{alpha: {{}}, beta: {{charging_info: {PREPAID}}}, gamma: {{}}}}\n"


QUIET = 26 * 60
"""Seconds after which a silent purchase counts as never carried out."""


class MovableClock:
    """The real clock, ahead by what a test has advanced it. Signatures are accepted for a quarter of an hour."""

    def __init__(self) -> None:
        self._ahead = 0

    def now(self) -> int:
        return time.time_ns() // 1_000_000 + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += round(seconds * 1000)


@dataclass
class CommandResult:
    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err

    @property
    def words(self) -> str:
        """The text on one line, so that a test need not know where it was wrapped."""
        return " ".join(self.text.split())


class RunningCommand:
    """A command that is running. Tests can wait for a text that it prints."""

    def __init__(self, process: subprocess.Popen[str] | ForkedCliProcess) -> None:
        self.process = process
        self._out: list[str] = []
        self._err: list[str] = []
        self._read_more = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            for stream, lines in ((process.stdout, self._out), (process.stderr, self._err))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream, lines: list[str]) -> None:
        for line in stream:
            with self._read_more:
                lines.append(line)
                self._read_more.notify_all()

    def wait_for_stderr(self, text: str) -> None:
        self._wait_for(text, self._err)

    def wait_for_stdout(self, text: str) -> None:
        self._wait_for(text, self._out)

    def _wait_for(self, text: str, lines: list[str]) -> None:
        with self._read_more:
            found = self._read_more.wait_for(lambda: any(text in line for line in lines), TIMEOUT_SECONDS)
        assert found, f"{text!r} never came: {lines}"

    def kill(self) -> None:
        """Kills the process and waits for its end."""
        self.process.kill()
        self.process.wait(TIMEOUT_SECONDS)

    def end(self) -> CommandResult:
        """Waits for the end of the command and returns its output."""
        self.process.wait(TIMEOUT_SECONDS)
        for reader in self._readers:
            reader.join(TIMEOUT_SECONDS)
        for stream in (self.process.stdout, self.process.stderr):
            stream.close()
        return CommandResult(self.process.returncode, "".join(self._out), "".join(self._err))


@dataclass
class ProcessWorkspace:
    """A stack in a folder of its own, and the database of the sandbox that it is applied to."""

    folder: Path
    sandbox_db: Path
    endpoint: str
    environment: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen | ForkedCliProcess] = field(default_factory=list)
    python: str = sys.executable
    fork_server: ForkServer | None = None
    """Forks the processes. None: each is a new interpreter."""
    clock: InstantClock = field(default_factory=InstantClock)
    """The clock of runs inside this process."""
    catalogue: Callable[[], Catalogue] = catalogue
    """Returns the catalogue of kinds of runs inside this process."""

    def write(self, servers: str, *, stack: str = STACK) -> None:
        specs = self.folder / "specs"
        specs.mkdir(exist_ok=True)
        (specs / "stack.yaml").write_text(stack)
        (specs / "servers.yaml").write_text(servers)

    @property
    def environ(self) -> dict[str, str]:
        services = ("MODELARTS", "BSS", "IAM")
        endpoints = {f"PROVISIONER_ENDPOINT_{service}": self.endpoint for service in services}
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "COVERAGE_PROCESS_START"}}
        return {**kept, "HOME": str(self.folder), **endpoints, **self.environment}

    def popen(self, *arguments: str, **options) -> subprocess.Popen | ForkedCliProcess:
        """Starts the tool in a process, which is forked unless the test needs another program or interpreter, or options of Popen."""
        if options or self.python != sys.executable or self.fork_server is None or arguments[0] == "sandbox":
            process = self._new_interpreter(*arguments, **options)
        else:
            process = self.fork_server.start(arguments, folder=self.folder, environ=self.environ)
        self.processes.append(process)
        return process

    def _new_interpreter(self, *arguments: str, program: tuple[str, ...] = ("-m", "provisioner"), **options):
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        command = [self.python, *program, *arguments]
        return subprocess.Popen(command, cwd=self.folder, env=self.environ, **{**pipes, **options})

    def run(self, *arguments: str, **options) -> CommandResult:
        process = self.popen(*arguments, **options)
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
        return CommandResult(process.returncode, out or "", err or "")

    def start(self, *arguments: str, **options) -> RunningCommand:
        return RunningCommand(self.popen(*arguments, **options))

    def run_in_process(self, *arguments: str) -> CommandResult:
        """Runs the tool inside this process, where waiting takes no time. It is for what only prepares or checks a test."""
        out, err = io.StringIO(), io.StringIO()
        console.cache_clear()  # a process of its own would begin with a new one
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(SystemClock, "sleep", lambda _, seconds: self.clock.sleep(seconds))
            patch.setattr(SystemClock, "monotonic", lambda _: self.clock.monotonic())
            for name in os.environ.keys() - self.environ.keys():
                patch.delenv(name)
            for name, value in self.environ.items():
                patch.setenv(name, value)
            patch.chdir(self.folder)
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = run_in_process([*arguments], self.catalogue)
        return CommandResult(code, out.getvalue(), err.getvalue())

    def apply(self, *flags: str) -> CommandResult:
        return self.run_in_process("apply", "--auto-approve", *flags)

    @property
    def ledger(self):
        return read_ledger(self.sandbox_db)

    def ledger_counts(self, kind: str) -> Counter[str]:
        """Counts the ledger's rows of this kind by the server's name."""
        return Counter(row.name for row in self.ledger if row.kind == kind)

    @property
    def purchases(self) -> Counter[str]:
        return self.ledger_counts("purchase")

    def state(self, label: str = "test"):
        return json.loads((self.folder / "state" / f"{label}.json").read_text())

    @property
    def journal_records(self) -> list[dict]:
        """The whole records of the journal, without a half-written one."""
        path = self.folder / "state" / "test.journal"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    @property
    def outputs(self) -> dict:
        return json.loads(self.run_in_process("output", "--json").out)

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait(TIMEOUT_SECONDS)
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()


class SandboxServer:
    """One HTTP server for many tests, each of which sets its own sandbox as `app`. Starting and ending one takes as long as a test.

    It also serves what `listeners` accept, which it owns.
    """

    def __init__(self, *listeners: socket.socket) -> None:
        self.app = None
        self._server = uvicorn.Server(configure(self._answer))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener, *listeners]})
        self._thread.start()

    async def _answer(self, scope, receive, send) -> None:
        await self.app(scope, receive, send)

    def end(self) -> None:
        self._server.should_exit = True
        self._thread.join(TIMEOUT_SECONDS)
        self._listener.close()


@dataclass(frozen=True)
class SandboxControl:
    """A client of the control API of a served sandbox."""

    url: str
    token: str = "the-token-of-the-control-api"

    def ask(self, method: str, resource: str, body: object = None):
        headers = {"X-Sandbox-Token": self.token}
        answer = httpx.request(
            method, f"{self.url}/_sandbox/{resource}", headers=headers, verify=NO_TLS, trust_env=False, json=body
        )
        answer.raise_for_status()
        return answer.json()

    def arm(self, *rules: dict) -> None:
        self.ask("POST", "faults", {"faults": [*rules]})

    def advance(self, seconds: float) -> None:
        self.ask("POST", "clock", {"advance_seconds": seconds})

    @property
    def hits(self) -> list[int]:
        return [rule["hits"] for rule in self.ask("GET", "faults")["faults"]]
