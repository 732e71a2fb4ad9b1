"""Which modules may write files: what they write replaces nothing but their own (docs/decisions/0034)."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2] / "provisioner"
BY_THE_DISK = {
    "saved_plans/plan_file.py",
    "store/folder/checks.py",
    "store/folder/location.py",
    "store/folder/lock.py",
    "store/folder/locked_store.py",
    "store/folder/log.py",
    "store/folder/reserve.py",
    "store/pull_file.py",
    "workflow/adopted_specs.py",
    "workflow/init.py",
}
"""They write through disk.py, at places that a person names."""
BY_THEMSELVES = {
    "cloud/token_cache.py",
    "disk.py",
    "sandbox/control.py",
    "sandbox/exclusion.py",
    "sandbox/world.py",
    "saved_plans/signing.py",
    "store/high_water_marks.py",
}
"""In folders of the user's own or for the sandbox, which shares no code with the rest."""
WRITING = {"write_text", "write_bytes", "touch", "mkstemp", "NamedTemporaryFile", "hardlink_to", "symlink_to"}
FLAGS = {"O_CREAT", "O_WRONLY", "O_RDWR"}
PLACING = {"place_file", "replace_file", "write_all"}


def writes(tree: ast.AST) -> bool:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) if name in WRITING | FLAGS:
                return True
            case ast.Name(id=name) if name in PLACING:
                return True
            case ast.Call(
                func=ast.Attribute(attr="open") | ast.Name(id="open"), args=[*_, ast.Constant(value=str(mode))]
            ):
                if set(mode) & set("wax+") and len(mode) <= len("w+b"):
                    return True
    return False


def test_no_other_module_writes_a_file():
    found = {str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py") if writes(ast.parse(path.read_text()))}
    devices = {"cli/streams.py"}  # it opens /dev/null for what nobody reads
    assert found - devices == BY_THE_DISK | BY_THEMSELVES
