"""The processor time of the tests has a budget. The meter that enforces it counts child processes, too."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from benchmarks import pace

ROOT = Path(__file__).resolve().parents[2]
BUSY = "import time\nwhile time.process_time() < {seconds}: pass"
IN_A_CHILD = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', sys.argv[1]], check=True)"


def busy(seconds):
    return BUSY.format(seconds=seconds)


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["-c", busy(0.2)], id="itself"),
        pytest.param(["-c", IN_A_CHILD, busy(0.2)], id="its child"),
    ],
)
def test_the_meter_counts_what_a_command_and_its_children_take(command):
    code, seconds = pace.spend([sys.executable, "-S", *command])
    assert code == 0
    assert seconds >= 0.2


def test_a_command_beyond_its_budget_fails_and_says_by_how_much(capsys):
    assert pace.main(["--minutes", "0.0001", sys.executable, "-S", "-c", busy(0.2)]) == pace.EXCEEDED
    assert "more than the 0.0 allowed" in capsys.readouterr().out


def test_a_command_within_its_budget_passes_and_says_what_it_took(capsys):
    assert pace.main(["--minutes", "5", sys.executable, "-S", "-c", ""]) == 0
    assert "This run took 0.0 processor minutes, within the" in capsys.readouterr().out


@pytest.mark.parametrize("budget", [[], ["--minutes", "5"], ["--minutes", "0.00001"]])
def test_a_failed_command_keeps_its_exit_code(budget):
    assert pace.main([*budget, sys.executable, "-S", "-c", f"{busy(0.05)}\nraise SystemExit(7)"]) == 7


def test_a_machine_of_half_the_pace_is_allowed_twice_as_much():
    assert pace.allowed(9, 2.0) == 2 * pace.allowed(9, 1.0)


def test_the_checks_of_a_change_hold_the_budget():
    text = (ROOT / ".ci/run").read_text()
    assert re.search(r"^make test MINUTES=9$", text, re.MULTILINE)
    assert re.search(r"^TEST_HEAVY=required .* pytest .*tests/sdk", text, re.MULTILINE)
