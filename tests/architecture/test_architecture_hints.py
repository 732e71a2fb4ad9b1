"""Hints are commands that can be pasted: a message about one address names it, instead of a placeholder."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import provisioner

ROOMS = ("applying", "kinds", "planning")
"""The rooms whose messages are about one server, which always has an address."""
PLACEHOLDER = re.compile(r"\bADDRESS\b")


@pytest.mark.parametrize("room", ROOMS)
def test_no_message_about_a_server_leaves_its_address_to_be_filled_in(room):
    files = [*(Path(provisioner.__file__).parent / room).rglob("*.py")]
    texts = [
        f"{file.name}:{node.lineno}: {node.value}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and PLACEHOLDER.search(node.value)
    ]
    assert (texts, len(files) > 1) == ([], True)
