"""Hints are commands that can be pasted: they begin with `provisioner`, and name the real thing instead of a placeholder."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import provisioner

ROOMS = ("applying", "kinds", "model", "planning", "rendering", "saved_plans", "store", "workflow")
"""The rooms whose messages are about what is at hand, so that everything in them has a name."""
PLACEHOLDER = re.compile(
    r"\bADDRESS\b|(?:--[a-z-]+|`provisioner [^`]*) (?:APPROVAL|CODE|FILE|FROM|ID|NAME|ORDER|PLAN|TO)\b"
)
WORDLESS = re.compile(
    r"`(?:adopt|apply|destroy|drift|import|orders|plan|resolve|state) -|\brun (?:apply|destroy|plan)\b|[^`]provisioner (?:state|resolve) "
)
"""Commands that cannot be pasted: without the name of the tool, or without the backticks that keep them on one line."""


@pytest.mark.parametrize("room", ROOMS)
def test_no_message_leaves_a_place_to_be_filled_in(room):
    assert [text for text in texts(room) if PLACEHOLDER.search(text)] == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_command_in_a_message_is_whole(room):
    assert [text for text in texts(room) if WORDLESS.search(text)] == []


def texts(room: str) -> Iterator[str]:
    """Yields the texts of the room's messages with their places; what is inserted into them is `{}`."""
    files = [*(Path(provisioner.__file__).parent / room).rglob("*.py")]
    assert len(files) > 1
    for file in files:
        tree = ast.parse(file.read_text())
        skipped = {part for node in ast.walk(tree) for part in parts_without_text(node)}
        for node in ast.walk(tree):
            if node not in skipped and " " in (text := text_of(node)):
                yield f"{file.name}:{node.lineno}: {text}"


def parts_without_text(node: ast.AST) -> Iterator[ast.AST]:
    """Yields docstrings, and the pieces of a text that is looked at as a whole."""
    if isinstance(node, ast.JoinedStr):
        yield from node.values
    elif isinstance(node, ast.Expr):
        yield node.value


def text_of(node: ast.AST) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(text_of(value) if isinstance(value, ast.Constant) else "{}" for value in values)
        case _:
            return ""
