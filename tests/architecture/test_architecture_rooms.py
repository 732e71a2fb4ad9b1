"""The code matches docs/architecture.md: the import contracts hold, the document names every room, no file is too long."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "provisioner"
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
MODULES = sorted(PACKAGE.rglob("*.py"))
DRAWING = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
LONGEST_FILE = 300
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}


def test_the_import_contracts_hold():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("room", ROOMS)
def test_the_drawing_describes_every_room(room):
    assert f"| `{room}/` |" in DRAWING


def test_the_drawing_describes_no_room_that_is_not_there():
    described = {
        line.split("`")[1].rstrip("/") for line in DRAWING.splitlines() if line.startswith("| `") and "/` |" in line
    }
    drawn = {name for name in described if "/" not in name and "." not in name}
    assert drawn == set(ROOMS)


def test_every_room_of_a_floor_is_behind_a_wall():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (floors,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    walled = {name.strip().removeprefix("provisioner.") for layer in floors for name in layer.split("|")}
    assert walled - {"settings", "disk"} == set(ROOMS)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_fits_its_page_and_says_why_it_exists(module):
    text = module.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_FILE
    assert text.startswith('"""')
    assert module.stem not in VAGUE


def test_every_kind_has_a_folder_and_every_room_of_the_pure_floor_is_forbidden_io():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (pure,) = [contract for contract in contracts if "pure rooms" in contract["name"]]
    assert set(pure["source_modules"]) == {"provisioner.model", "provisioner.kinds", "provisioner.planning"}
    assert {"os", "socket", "time", "random", "pathlib", "asyncio"} <= set(pure["forbidden_modules"])
