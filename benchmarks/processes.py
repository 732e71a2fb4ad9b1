"""Whole processes, timed from outside: seconds, processor seconds, peak memory, and how many requests the tool logged.

Knows nothing of what is measured. Absolute figures depend on the machine; ratios taken in one run travel.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_KIBIBYTES_A_MEGABYTE = 1024
_LAUNCHER = Path(__file__).with_name("launcher.py")
_REPOSITORY = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Figure:
    """`seconds` is wall-clock time, `megabytes` the peak of resident memory, `processor` the seconds of user and system time."""

    seconds: float
    megabytes: float
    processor: float


def provisioner(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "provisioner", *arguments]


def environment(**more: str) -> dict[str, str]:
    """What every measured program gets: nothing of this one's settings, and a place for compiled modules.

    PYTHONDONTWRITEBYTECODE is not handed on: each run would compile every module of the tool again, and be measured doing it.
    """
    foreign = ("PROVISIONER_", "HW_", "HUAWEICLOUD_", "PYTHON")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return (
        inherited | {"PYTHONPATH": str(_REPOSITORY), "PYTHONPYCACHEPREFIX": str(Path(sys.prefix) / "bytecode")} | more
    )


def measure(
    command: Sequence[str], *, directory: Path, environ: Mapping[str, str], accept: Sequence[int] = (0,)
) -> Figure:
    """One run. Raises RuntimeError, with what it wrote, when it exits otherwise than `accept` says."""
    reading, writing = os.pipe()
    with (directory / "stderr").open("w+") as errors, (directory / "stdout").open("w") as output:
        subprocess.run(
            [sys.executable, "-I", "-S", str(_LAUNCHER), str(writing), *command],
            cwd=directory,
            env=dict(environ),
            stdout=output,
            stderr=errors,
            pass_fds=[writing],
            check=True,
        )
        os.close(writing)
        with os.fdopen(reading) as pipe:
            took = json.load(pipe)
        errors.seek(0)
        if took["code"] not in accept:
            raise RuntimeError(f"{' '.join(command)} exited {took['code']}\n{errors.read()[-2000:]}")
    return Figure(took["seconds"], took["kibibytes"] / _KIBIBYTES_A_MEGABYTE, took["processor"])


def median(command: Sequence[str], *, directory: Path, environ: Mapping[str, str], runs: int = 5) -> Figure:
    """After one run that is not counted."""
    return middle([measure(command, directory=directory, environ=environ) for _ in range(runs + 1)][1:])


def in_turns(works: Mapping[str, Callable[[], Figure]], *, rounds: int) -> dict[str, Figure]:
    """The median of each of `works`, run one after the other and again, so that all meet the same neighbours."""
    figures: dict[str, list[Figure]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            figures[name].append(work())
    return {name: middle(each) for name, each in figures.items()}


def middle(figures: Iterable[Figure]) -> Figure:
    taken = list(figures)
    return Figure(
        statistics.median(figure.seconds for figure in taken),
        statistics.median(figure.megabytes for figure in taken),
        statistics.median(figure.processor for figure in taken),
    )


def requests(command: Sequence[str], *, directory: Path, environ: Mapping[str, str]) -> list[str]:
    """The log lines of the HTTP requests that one run sends."""
    measure(command, directory=directory, environ={**environ, "PROVISIONER_LOG": "debug"})
    lines = (directory / "stderr").read_text().splitlines()
    return [line for line in lines if "provisioner.cloud" in line]
