"""Draws docs/plan.svg from a real plan: the demo stack is applied to the sandbox, edited, and planned again.

Run by `make picture`; a test runs it too and holds the picture in the repository against what it draws.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from provisioner.rendering.svg import plan_svg

ROOT = Path(__file__).resolve().parent.parent


def draw() -> str:
    with TemporaryDirectory() as place:
        directory = Path(place)
        shutil.copytree(ROOT / "specs", directory / "specs")
        (directory / "state").mkdir(mode=0o700)
        _run(directory, "apply", "--auto-approve")
        _edit(directory / "specs" / "environments" / "dev.yaml", "nodes: 2", "nodes: 3")
        _edit(directory / "specs" / "training.yaml", "-notebook-{{ each.key }}", "-desk-{{ each.key }}")
        _edit(directory / "specs" / "training.yaml", "[ada, grace]", "[ada]")
        return plan_svg(_run(directory, "plan"), "provisioner plan")


def _edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text, f"{path.name} does not say {before!r} any more"
    path.write_text(text.replace(before, after))


def _run(directory: Path, *arguments: str) -> str:
    environ = {"PATH": os.environ["PATH"], "FORCE_COLOR": "1", "COLUMNS": "100", "HOME": str(directory)}
    command = [sys.executable, "-m", "provisioner", *arguments]
    return subprocess.run(command, cwd=directory, env=environ, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    (ROOT / "docs" / "plan.svg").write_text(draw())
