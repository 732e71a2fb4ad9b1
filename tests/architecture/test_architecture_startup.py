"""Which modules the shortest commands import (tests/cli/test_cli_startup.py has what each command imports)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def modules_after(program):
    program = f"import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); {program}"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stderr.split()


def test_the_version_is_told_by_three_modules_of_ours():
    modules = modules_after("sys.argv = ['provisioner', '--version']; from provisioner.cli.main import main; main()")
    ours = [name for name in modules if name.startswith("provisioner")]
    assert ours == ["provisioner", "provisioner.cli", "provisioner.cli.main"]


def test_planning_alone_loads_neither_schemas_nor_deepdiff():
    libraries = {name.partition(".")[0] for name in modules_after("import provisioner.planning")}
    assert not libraries & {"deepdiff", "pydantic", "httpx", "click", "rich", "asyncio"}
