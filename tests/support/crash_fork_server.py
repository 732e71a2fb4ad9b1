"""The tool as a real process for the price of a fork: what is asked here happens in a child of the zygote.

Its sleeps are over at once, and its steps on disk and wire are numbered, so that something can happen to it at any of them.
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
    """What happens to a run: `events` by the number of the step, counted from 1, such as {7: "KILL"} (support/fault_injection.py).

    `patience`: for how many seconds of silence it waits for an answer, `page`: how many servers it asks for at a time; None is
    what the tool does by itself.
    """

    events: dict[int, str] = field(default_factory=dict)
    patience: float | None = None
    page: int | None = None


@dataclass(frozen=True)
class ProcessResult:
    """`steps` are the names of those that were passed, the last of a killed run being the one that it died at."""

    code: int
    out: str
    err: str
    steps: tuple[str, ...]

    @property
    def text(self) -> str:
        return self.out + self.err


class CrashForkServer:
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
        ahead: float,
        log: Path,
    ) -> ForkedProcess:
        """`log` is a prefix of names of files; `ahead` the seconds by which the child's machine is before this one."""
        process = self._ask(
            folder=str(folder),
            environ=environ,
            arguments=arguments,
            ahead=ahead,
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
