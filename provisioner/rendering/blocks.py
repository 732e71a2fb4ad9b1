"""Lays out fields as nested blocks: one field per line, aligned equals signs, and a sign where a field changes.

Plans and `show` share this layout. It takes any fields in any nesting and does not know what a change means.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from provisioner.model.action import FieldChange
from provisioner.model.canonical import JsonObject
from provisioner.model.resource import FieldPath
from provisioner.model.secret import HIDDEN
from provisioner.rendering.style import Style, cells, pad
from provisioner.rendering.text_difference import SignedLine, text_difference
from provisioner.rendering.values import is_block, is_hidden, key_text, pair_texts, shortened_pair, value_text

STEP = "    "
UNSIGNED = " "


@dataclass(frozen=True, slots=True)
class Line:
    """One field. `text`, `note` and `before`, the value until now, are safe to print; `sign` is one character, a space
    where nothing changes. `below` are lines of its own, with their signs, that show a long text or what changes in it.
    """

    name: str
    text: str
    sign: str = UNSIGNED
    note: str = ""
    below: tuple[SignedLine, ...] = ()
    before: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    name: str
    members: tuple[Member, ...]
    sign: str = UNSIGNED


Member: TypeAlias = Line | Block


def members_of(
    body: JsonObject, *, sign: str = UNSIGNED, sensitive: Collection[FieldPath] = (), path: FieldPath = ()
) -> tuple[Member, ...]:
    """Returns the members of a body: single values, then blocks, each by name, so that equal bodies look equal."""
    lines: list[Member] = []
    blocks: list[Member] = []
    for key, value in sorted(body.items()):
        here = (*path, key)
        if here not in sensitive and is_block(value):
            blocks.append(Block(key_text(key), members_of(value, sign=sign, sensitive=sensitive, path=here), sign))
        else:
            text = HIDDEN if here in sensitive and value is not None else value_text(value)
            lines.append(Line(key_text(key), text, sign))
    return (*lines, *blocks)


def changed_members(
    fields: Iterable[FieldChange], *, sensitive: Collection[FieldPath] = (), depth: int = 0
) -> tuple[Member, ...]:
    """Returns the changed fields, each in the block that its path names. A field that keeps its value has no sign."""
    lines: list[Member] = []
    inner: dict[str, list[FieldChange]] = {}
    for field in sorted(fields, key=lambda field: field.path):
        if len(field.path) == depth + 1:
            lines.append(_changed_line(field, hidden=field.sensitive or is_hidden(field.path, sensitive)))
        else:
            inner.setdefault(field.path[depth], []).append(field)
    blocks = (
        Block(
            key_text(key),
            changed_members(group, sensitive=sensitive, depth=depth + 1),
            "~" if any(field.before != field.after for field in group) else UNSIGNED,
        )
        for key, group in inner.items()
    )
    return (*lines, *blocks)


def _changed_line(field: FieldChange, *, hidden: bool) -> Line:
    before, after = (HIDDEN, HIDDEN) if hidden else pair_texts(field.before, field.after)
    name = key_text(field.path[-1])
    notes = []
    if field.forces_replacement:
        notes.append("forces replacement")
    elif field.reinstalls:
        notes.append("wipes the system disk")
    if field.drift:
        notes.append("changed outside of the specs")
    note = ", ".join(notes)
    if field.before == field.after:
        return Line(name, after, UNSIGNED, note)
    below = () if hidden else text_difference(field.text_before, field.text_after)
    if field.before is None:
        return Line(name, after, "+", note, below)
    if field.after is None:
        return Line(name, "null", "-", note, below, before)
    return Line(name, after, "~", note, below, before)


def block_text(members: Iterable[Member], style: Style, *, indent: str, shorten: bool = False) -> Iterator[str]:
    """Yields the lines of a block. `indent` is the text before the signs. With `shorten` no value is very long."""
    members = tuple(members)
    width = max((cells(member.name) for member in members if isinstance(member, Line)), default=0)
    for member in members:
        sign = paint_sign(member.sign, style)
        if isinstance(member, Line):
            note = style.red(f" # {member.note}") if member.note else ""
            before, text = shortened_pair(member.before, member.text) if shorten else (member.before, member.text)
            value = f"{before} -> {text}" if before else text
            yield f"{indent}{sign} {pad(member.name, width)} = {value}{note}"
            for below in member.below:
                yield f"{indent}{STEP}{paint_sign(below.sign, style)} {below.text}".rstrip()
        else:
            yield f"{indent}{sign} {member.name} {{"
            yield from block_text(member.members, style, indent=indent + STEP, shorten=shorten)
            yield f"{indent}  }}"


def paint_sign(sign: str, style: Style) -> str:
    match sign.strip():
        case "+":
            return style.green(sign)
        case "-":
            return style.red(sign)
        case "~" | "-/+" | "+/-":
            return style.yellow(sign)
        case "~!":
            return style.red(sign)
        case ">>" | "." | "<=" | "->":
            return style.cyan(sign)
        case _:
            return sign
