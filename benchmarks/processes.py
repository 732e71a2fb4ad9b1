"""Whole processes, timed from outside: seconds, peak memory, and how many requests the tool logged.

Knows nothing of what is measured. Absolute figures depend on the machine; ratios taken in one run travel.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_KIBIBYTES_A_MEGABYTE = 1024


@dataclass(frozen=True, slots=True)
class Figure:
    """`seconds` is wall-clock time, `megabytes` the peak of resident memory."""

    seconds: float
    megabytes: float


def provisioner(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "provisioner", *arguments]


def measure(
    command: Sequence[str], *, directory: Path, environ: Mapping[str, str], accept: Sequence[int] = (0,)
) -> Figure:
    """One run. Raises RuntimeError, with what it wrote, when it exits otherwise than `accept` says."""
    with (directory / "stderr").open("w+") as errors, (directory / "stdout").open("w") as output:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=directory, env=dict(environ), stdout=output, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        if process.returncode not in accept:
            raise RuntimeError(f"{' '.join(command)} exited {process.returncode}\n{errors.read()[-2000:]}")
    return Figure(seconds, usage.ru_maxrss / _KIBIBYTES_A_MEGABYTE)


def median(command: Sequence[str], *, directory: Path, environ: Mapping[str, str], runs: int = 5) -> Figure:
    """After one run that is not counted."""
    figures = [measure(command, directory=directory, environ=environ) for _ in range(runs + 1)][1:]
    return Figure(
        statistics.median(figure.seconds for figure in figures),
        statistics.median(figure.megabytes for figure in figures),
    )


def requests(command: Sequence[str], *, directory: Path, environ: Mapping[str, str]) -> list[str]:
    """The log lines of the HTTP requests that one run sends."""
    measure(command, directory=directory, environ={**environ, "PROVISIONER_LOG": "debug"})
    lines = (directory / "stderr").read_text().splitlines()
    return [line for line in lines if "provisioner.cloud" in line]
