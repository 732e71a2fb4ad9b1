"""Start-up is part of the interface: what a command does not need it does not import. Told by sys.modules of a real process."""

import os
import subprocess
import sys

import pytest

HEAVY = {"pydantic", "httpx", "jinja2", "deepdiff", "rich", "yaml", "starlette", "uvicorn"}

TELL = """\
import atexit, sys
atexit.register(lambda: sys.stderr.write("\\nMODULES " + " ".join(sys.modules)))
from provisioner.cli.main import main
sys.argv = ["provisioner", *sys.argv[1:]]
main()
"""


def imported(*arguments: str) -> set[str]:
    """Top-level modules in the process at its end."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", TELL, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert ran.returncode == 0, ran.stderr
    return {name.partition(".")[0] for name in ran.stderr.partition("MODULES ")[2].split()}


@pytest.mark.parametrize("spelling", ["--version", "-version", "-v"])
def test_the_version_is_told_before_click_is_imported(spelling: str) -> None:
    assert not imported(spelling) & {"click", "asyncio", *HEAVY}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["plan", "--help"], ["apply", "--help"], ["sandbox", "--help"], ["version"]], ids=" ".join
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    assert not imported(*arguments) & {"asyncio", *HEAVY}


def test_validating_knows_no_network(desk) -> None:
    assert not imported("validate") & {"httpx", "deepdiff", "starlette", "uvicorn", "rich"}


def test_showing_reads_files_only(applied) -> None:
    assert not imported("show") & {"httpx", "deepdiff", "starlette", "uvicorn", "rich"}


def test_a_plan_without_differences_compares_bytes_only(applied) -> None:
    assert not imported("plan") & {"deepdiff", "uvicorn"}
