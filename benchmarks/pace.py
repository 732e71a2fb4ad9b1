"""`python -m benchmarks.pace [--minutes N] COMMAND...`: runs it and says what it cost in processor minutes, its children included.

A slower machine gets a larger budget and a faster one a smaller one: a loop, timed now and then while the command runs, tells its pace.
Taken beside the command and not before it, the pace also tells of neighbours, who make every second of the processor worth less.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Self

LOOP_SECONDS = 0.13
"""What the loop takes on the machine whose figures stand in docs/benchmarks.md."""
MARGIN = 1.25
"""A budget is exceeded by more than this: two runs of one commit differ by a tenth."""
EXCEEDED = 3

_SECONDS_BETWEEN_ROUNDS = 10
_STEPS = 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pace")
    parser.add_argument("--minutes", type=float, help="fail when the command takes more of the processor than this")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    with Pacemaker() as pacemaker:
        code, used = spend(options.command)
    pace = pacemaker.pace()
    exceeded = options.minutes is not None and used / 60 > allowed(options.minutes, pace)
    print(report(used / 60, options.minutes, pace))
    return code or (EXCEEDED if exceeded else 0)


def spend(command: Sequence[str]) -> tuple[int, float]:
    """Its exit code, and the processor seconds of it and of all that it waited for."""
    before = _children_seconds()
    code = subprocess.run(command, check=False).returncode
    return code, _children_seconds() - before


def allowed(minutes: float, pace: float) -> float:
    return minutes * MARGIN * pace


def report(used: float, minutes: float | None, pace: float) -> str:
    line = f"This run took {used:.1f} processor minutes"
    if minutes is None:
        return f"{line}."
    limit = allowed(minutes, pace)
    verdict = "more than" if used > limit else "within"
    return f"{line}, {verdict} the {limit:.1f} allowed (budget {minutes:g}, margin {MARGIN:g}, this machine's pace {pace:.2f})."


class Pacemaker:
    """Times the loop at once and then every few seconds, in a thread of this process, which has nothing else to do."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._rounds: list[float] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def pace(self) -> float:
        """1 on the machine whose figures are kept, 2 on one that is half as fast."""
        return statistics.median(self._rounds) / LOOP_SECONDS

    def _run(self) -> None:
        self._rounds.append(loop_seconds())
        while not self._ended.wait(_SECONDS_BETWEEN_ROUNDS):
            self._rounds.append(loop_seconds())


def loop_seconds() -> float:
    """Of the processor, for what an interpreter does all day: calls, dictionaries and texts."""
    began = time.thread_time()
    counts: dict[str, int] = {}
    for step in range(_STEPS):
        name = str(step % 1_000)
        counts[name] = counts.get(name, 0) + len(name)
    return time.thread_time() - began


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(main())
