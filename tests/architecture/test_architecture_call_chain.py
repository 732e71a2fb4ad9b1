"""Limits how many of our functions are between the command line and the request that buys a server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST = 20


def test_few_functions_stand_between_the_command_line_and_a_purchase():
    command = [sys.executable, "-m", "benchmarks.call_chain"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    functions = done.stdout.splitlines()
    assert functions[0] == "cli/main.py main"
    assert "applying/change_runner.py ChangeRunner.run" in functions, "a task continues in whoever created it"
    assert functions[-1].startswith(("cloud/", "web/"))
    assert len(functions) <= MOST, done.stdout
