"""Class names are unique in the client, so that a reader knows which class a name means."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "provisioner"


def test_no_two_classes_of_the_client_bear_the_same_name():
    """The sandbox is left out: it shares no code with the client, and may use the same names."""
    places = defaultdict(list)
    for module in sorted(PACKAGE.rglob("*.py")):
        where = module.relative_to(PACKAGE)
        if where.parts[0] == "sandbox":
            continue
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(where))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
