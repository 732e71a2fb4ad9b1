"""The process itself: whose code it runs, and what it would leave behind if it crashed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from provisioner.cli.console import console

MODULE = [sys.executable, "-m", "provisioner"]
SCRIPT = [sys.executable, "-c", "from provisioner.cli.main import main; main()"]


def run(command: list[str], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    return subprocess.run(
        [*command, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", ["yaml", "click", "pydantic", "jinja2", "orjson", "resource"])
def test_python_files_in_the_working_directory_are_not_run(cli, name: str) -> None:
    Path(f"{name}.py").write_text("raise SystemExit('this was run')\n")
    ran = run(MODULE, Path.cwd(), "validate")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "Success!" in ran.stdout


@pytest.mark.parametrize("command", [MODULE, SCRIPT], ids=["module", "script"])
def test_no_core_is_dumped(tmp_path: Path, command: list[str]) -> None:
    tell = "import atexit, resource; atexit.register(lambda: print(resource.getrlimit(resource.RLIMIT_CORE)))\n"
    (tmp_path / "sitecustomize.py").write_text(tell)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ran = subprocess.run([*command, "version"], env=environment, capture_output=True, text=True, check=False)
    assert ran.stdout.splitlines()[-1] == "(0, 0)", ran.stderr


def test_json_steers_no_terminal_and_says_the_same(capsys) -> None:
    """A label can hold what a terminal obeys: in JSON it is spelt out."""
    console().document({"label": "\x9b31m\u202e\U000e0041"})
    console().line({"label": "\x9b31m\u202e\U000e0041"})
    document, line = capsys.readouterr().out.split("\n}\n")
    for written in (f"{document}\n}}", line):
        assert written.isascii()
        assert json.loads(written) == {"label": "\x9b31m\u202e\U000e0041"}
