"""The tests of signals pass whoever started them: under `nohup`, in the background of a script, with signals blocked."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Each stands for its kind: a process of the tool, a fork of the crash runner, a shell's child.
PLAYED = (
    "tests/end_to_end/test_e2e_signals.py::TestWhileAPurchaseIsInFlight::test_its_answer_is_recorded_and_no_other_is_sent",
    "tests/setup/test_setup_signals.py::test_a_child_has_default_dispositions",
)
SHOW = "import signal; print([signal.getsignal(n) for n in (1, 3, 15)], signal.getsignal(2), signal.pthread_sigmask(0, []))"
DEFAULT = "[<Handlers.SIG_DFL: 0>, <Handlers.SIG_DFL: 0>, <Handlers.SIG_DFL: 0>] <built-in function default_int_handler> set()"


def test_a_child_has_default_dispositions():
    ran = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == DEFAULT


@pytest.mark.slow
@pytest.mark.parametrize("starter", ["trap '' HUP INT QUIT TERM", "blocked"])
def test_they_pass_under_ignored_and_under_blocked_signals(starter):
    tests = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", "-p", "no:cov"]
    if starter == "blocked":
        block = "import os, signal, sys; signal.pthread_sigmask(0, {1, 2, 3, 15}); os.execv(sys.argv[1], sys.argv[1:])"
        command = [sys.executable, "-c", block, *tests, PLAYED[-1]]
    else:
        command = ["sh", "-c", f'{starter}; exec "$@"', "sh", *tests, *PLAYED]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " passed" in ran.stdout
