"""No code outside a kind's folder names a field or a status of it. It asks the kind that it is given."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from provisioner.kinds import CATALOGUE

PACKAGE = Path(__file__).parents[2] / "provisioner"
APART = {"kinds", "sandbox", "cloud"}
"""The kinds themselves, and the rooms that are about the cloud's own API."""
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in APART)
GENERIC = {"name", "labels", "volumes", "count"}
"""Fields that are no sign of a kind: every kind has a name, and the others are common words."""
KNOWN = {
    "model/purchase_policy.py": {"userdata", "user_data"},  # `purchase:` of a stack speaks of servers
    "loading/stack_sections.py": {"userdata", "user_data"},
    "loading/document.py": {"userdata"},  # hidden in excerpts also where no kind is at hand
    "workflow/availability.py": {"flavor"},  # so are called the machines of the cloud's catalogue
}
WORDS = {word for kind in CATALOGUE.kinds for rule in kind.rules for word in rule.path[:1]} - GENERIC
STATUSES = {status for kind in CATALOGUE.kinds for status in kind.statuses.known}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_field_and_no_status_of_a_kind_is_named_outside_its_folder(module):
    texts = {node.value for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Constant)}
    named = {text for text in texts if isinstance(text, str)} & (WORDS | STATUSES)
    assert named - KNOWN.get(module.relative_to(PACKAGE).as_posix(), set()) == set()
