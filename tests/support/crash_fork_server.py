"""Runs the tool in real processes that are forked from a preloaded one, with a fault at any step.

Sleeps of such a process take no time, and its steps on disk and network are numbered (fault_injection.py).
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

_TESTS = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class FaultPlan:
    """What happens to a run. `events` are by the number of the step, counted from 1, such as {7: "KILL"} (fault_injection.py).

    `silence_timeout`: for how many seconds of silence it waits for an answer, `page_size`: how many servers it asks for at a time; None is
    what the tool does by itself. `database_silence` is for how many seconds it waits for the database.
    """

    events: dict[int, str] = field(default_factory=dict)
    silence_timeout: float | None = None
    page_size: int | None = None
    database_silence: float | None = None


@dataclass(frozen=True)
class ProcessResult:
    """How a run ended. `steps` are the names of the steps that it reached; a killed run died at the last one."""

    code: int
    out: str
    err: str
    steps: tuple[str, ...]

    @property
    def text(self) -> str:
        return self.out + self.err


class CrashForkServer:
    """Starts and ends the preloaded process (crash_fork_server_process.py), and asks it for runs."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.crash_fork_server_process", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": f"{_TESTS}:{_TESTS.parent}"},
        )
        theirs.close()
        self._connection = ours
        self._lines = ours.makefile("rw")

    def start(
        self,
        folder: Path,
        environ: dict[str, str],
        arguments: tuple[str, ...],
        *,
        fault_plan: FaultPlan,
        clock_offset: float,
        log: Path,
    ) -> ForkedProcess:
        """`log` is a prefix of names of files; `clock_offset` the seconds by which the child's machine is before this one."""
        process = self._ask(
            folder=str(folder),
            environ=environ,
            arguments=arguments,
            clock_offset=clock_offset,
            log=str(log),
            **asdict(fault_plan),
        )
        return ForkedProcess(self, process, log)

    def _ask(self, **request: object) -> int:
        self._lines.write(json.dumps(request) + "\n")
        self._lines.flush()
        return int(self._lines.readline())

    def wait(self, process: int) -> int:
        return self._ask(wait=process)

    def end(self) -> None:
        self._lines.close()
        self._connection.close()
        self._process.wait(30)


@dataclass(frozen=True)
class ForkedProcess:
    fork_server: CrashForkServer
    process: int
    log: Path

    def end(self) -> ProcessResult:
        code = self.fork_server.wait(self.process)
        out, err, steps = (
            self.log.with_name(f"{self.log.name}.{kind}").read_text(errors="replace")
            for kind in ("out", "err", "steps")
        )
        return ProcessResult(code, out, err, tuple(steps.splitlines()))
