"""Lays out fields as nested blocks: one field per line, aligned equals signs, and a sign where a field changes.

Plans and `show` share this layout. It takes any fields in any nesting and does not know what a change means.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from provisioner.model.action import FieldChange
from provisioner.model.canonical import JsonObject
from provisioner.model.redaction import DIGEST
from provisioner.model.resource import FieldPath
from provisioner.model.secret import HIDDEN
from provisioner.rendering.style import Style, cells, pad
from provisioner.rendering.text_difference import SignedLine, text_difference, text_lines
from provisioner.rendering.values import (
    is_block,
    is_content,
    is_hidden,
    key_text,
    pair_texts,
    shortened_pair,
    value_text,
)

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

    @property
    def value(self) -> str:
        """The value, or how it changes."""
        return f"{self.before} -> {self.text}" if self.before else self.text

    def shortened(self) -> Line:
        """Returns the line with a part of each very long value."""
        before, text = shortened_pair(self.before, self.text)
        return replace(self, before=before, text=text)


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


def with_contents(members: Iterable[Member], body: JsonObject, contents: Mapping[str, str]) -> Iterator[Member]:
    """Yields the members of `body`; the line of a content field has its text below it, if `contents` has that."""
    for member in members:
        value = body.get(member.name)
        if isinstance(member, Line) and is_content(value) and (text := contents.get(str(value[DIGEST]))):
            yield replace(member, below=text_lines(text))
        else:
            yield member


def changed_members(
    fields: Iterable[FieldChange], *, sensitive: Collection[FieldPath] = (), depth: int = 0
) -> tuple[Member, ...]:
    """Returns the changed fields, each in the block that its path names. A field that keeps its value has no sign."""
    lines: list[Member] = []
    inner: dict[str, list[FieldChange]] = {}
    for field in sorted(fields, key=lambda field: field.path):
        if len(field.path) == depth + 1:
            lines.append(changed_line(field, hidden=field.sensitive or is_hidden(field.path, sensitive)))
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


def changed_line(field: FieldChange, *, hidden: bool) -> Line:
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
            yield from _field_lines(
                member.shortened() if shorten else member, f"{indent}{sign} ", " " * (len(indent) + 2), width, style
            )
            yield from below_text(member, style, indent=indent + STEP)
        else:
            yield f"{indent}{sign} {member.name} {{"
            yield from block_text(member.members, style, indent=indent + STEP, shorten=shorten)
            yield f"{indent}  }}"


def below_text(line: Line, style: Style, *, indent: str) -> Iterator[str]:
    """Yields the lines below a field, each with its sign."""
    for below in line.below:
        yield f"{indent}{paint_sign(below.sign, style)} {below.text}".rstrip()


def _field_lines(line: Line, start: str, indent: str, width: int, style: Style) -> Iterator[str]:
    """Yields a field in one line, or, where the screen is too narrow, with the arrow and the note on lines of their own."""
    named = f"{pad(line.name, width)} = "
    whole = named + line.value
    if not line.note and len(indent) + cells(whole) <= style.width:
        yield start + whole
        return
    rest = f" # {line.note}" if line.note else ""
    note = style.bold(style.red(rest[1:]))
    if len(indent) + cells(whole) + cells(rest) <= style.width:
        yield f"{start}{whole} {note}"
        return
    before, last = (named + line.before, f"-> {line.text}") if line.before else (named + line.text, "")
    deeper = indent + " " * width
    yield f"{start}{before}"
    if last and note and cells(deeper) + cells(last) + cells(rest) <= style.width:
        yield f"{deeper}{last} {note}"
        return
    yield from (f"{deeper}{text}" for text in (last, note) if text)


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
