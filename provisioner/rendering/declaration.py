"""Renders what the specs declare for one address: where, and with which values."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.model.declared_resource import DeclaredResource
from provisioner.rendering.blocks import Block, Member, block_text, members_of, with_contents
from provisioner.rendering.style import Style, escape
from provisioner.rendering.values import value_text

_INDENT = "  "


def render_declaration(declaration: DeclaredResource, style: Style) -> str:
    """Returns the place, and the fields like those of a record."""
    desired = declaration.desired
    place = "" if desired.source is None else f": declared at {escape(str(desired.source))}"
    lines = (
        f"{style.bold(f'# {escape(str(desired.address))}')}{place}",
        f"{escape(desired.kind)} {value_text(desired.name)} {{",
        *block_text(_members(declaration), style, indent=_INDENT),
        "}",
    )
    return "".join(f"{line}\n" for line in lines)


def _members(declaration: DeclaredResource) -> Iterator[Member]:
    body = declaration.body
    yield from with_contents(members_of(body, sensitive=declaration.sensitive), body, declaration.contents)
    if declaration.desired.labels and "labels" not in body:
        yield Block("labels", members_of(dict(declaration.desired.labels)))
    if declaration.desired.lifecycle.prevent_destroy:
        yield Block("lifecycle", members_of({"prevent_destroy": True}))
