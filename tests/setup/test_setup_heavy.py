"""What a newcomer does not install is skipped with the command that installs it, and CI skips nothing."""

import re
import subprocess
import sys
from pathlib import Path

from support.heavy import TOOLS, needs_heavy_tools

TESTS = Path(__file__).parents[1]
# Stands for an environment without the heavy tools: finds none of them.
WITHOUT = f"""
import importlib.util, sys
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name in {TOOLS} else found(name, *rest)
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""
NAMES = re.compile(r"^\s*(?:import|from) (?:huaweicloudsdk|schemathesis|support\.(?:vendor|document)\b)", re.MULTILINE)
MODULE = "tests/cloud/test_cloud_signing_oracle.py"


def collect(**environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT, "-n", "0", "-p", "no:cacheprovider", "--collect-only", "-q"]
    command += [MODULE, "tests/sdk/test_sdk_reading.py", "tests/sandbox/test_sandbox_openapi.py"]
    return subprocess.run(command, cwd=TESTS.parent, env=environment, capture_output=True, text=True, check=False)


def test_a_module_that_needs_them_is_skipped_and_names_the_command():
    ran = collect()
    assert ran.returncode == 5, ran.stdout + ran.stderr
    assert "SKIPPED [3]" in ran.stdout
    assert "`make heavy` installs what this needs" in ran.stdout


def test_where_they_are_required_nothing_is_skipped():
    ran = collect(TEST_HEAVY="required")
    assert ran.returncode != 0
    assert "3 errors" in ran.stdout
    assert "TEST_HEAVY is set, so it is not skipped" in ran.stdout


def test_every_module_that_names_them_is_known_to_need_them():
    named = {module for module in TESTS.rglob("test_*.py") if NAMES.search(module.read_text(encoding="utf-8"))}
    assert len(named) > 5
    assert [module for module in named if not needs_heavy_tools(module)] == []
