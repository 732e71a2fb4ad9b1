"""A next step is a command that can be typed: where a message is about an address, the address stands in it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import provisioner

ROOMS = ("applying", "kinds", "planning")
"""What speaks about one server, which always has an address."""
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
