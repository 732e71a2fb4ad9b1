"""Start-up is part of the interface: what a command does not need it does not import. Told by sys.modules of a real process."""

import os
import subprocess
import sys

import pytest

HEAVY = {"pydantic", "httpx", "jinja2", "deepdiff", "rich", "yaml", "starlette", "uvicorn"}

TELL = """\
import atexit, sys
atexit.register(lambda: sys.stderr.write("\\nMODULES " + " ".join(name for name in sys.modules if sys.modules[name])))
from provisioner.cli.main import main
sys.argv = ["provisioner", *sys.argv[1:]]
main()
"""


def imported(*arguments: str) -> set[str]:
    """Top-level modules in the process at its end."""
    return {name.partition(".")[0] for name in modules(*arguments)}


def modules(*arguments: str) -> set[str]:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", TELL, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert ran.returncode == 0, ran.stderr
    return set(ran.stderr.partition("MODULES ")[2].split())


@pytest.mark.parametrize("spelling", ["--version", "-version", "-v"])
def test_the_version_is_told_before_click_is_imported(spelling: str) -> None:
    assert not imported(spelling) & {"click", "asyncio", *HEAVY}


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["plan", "--help"], ["apply", "--help"], ["sandbox", "--help"], ["doctor", "--help"], ["version"], ["help", "state", "list"],
     ["explain", "no-state"], ["completion", "bash"]],
    ids=" ".join,
)  # fmt: skip
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    assert not imported(*arguments) & {"asyncio", *HEAVY}


def test_validating_knows_no_network(cli) -> None:
    assert not imported("validate") & {"httpx", "deepdiff", "starlette", "uvicorn", "rich"}


@pytest.mark.parametrize("arguments", [["show"], ["output"], ["state", "list"]], ids=" ".join)
def test_showing_reads_files_only(arguments: list[str], applied) -> None:
    """Of the specs it reads the stack file alone, so that nothing works templates out."""
    names = modules(*arguments)
    assert not {name.partition(".")[0] for name in names} & {
        *("httpx", "deepdiff", "starlette", "uvicorn", "rich", "jinja2", "asyncio", "ssl")
    }
    assert "provisioner.loading.loader" not in names
    assert "provisioner.cloud" not in names


def test_a_plan_without_differences_compares_bytes_only(applied) -> None:
    assert not imported("plan") & {"deepdiff", "uvicorn", "rich", "pygments"}


def test_the_collector_of_cycles_does_not_look_at_all_there_is(applied) -> None:
    """By its defaults it looks again through the middle-aged every 7,000 objects that stay, and now and then through everything."""
    looks = "import atexit, gc; atexit.register(lambda: print('LOOKS', [each['collections'] for each in gc.get_stats()][1:]))\n"
    ran = subprocess.run([sys.executable, "-c", looks + TELL, "plan"], capture_output=True, text=True, check=True)
    assert "LOOKS [0, 0]" in ran.stdout or "LOOKS [1, 0]" in ran.stdout  # one before ours was the word
