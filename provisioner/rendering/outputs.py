"""Declared outputs in Terraform's manner: a line each for people, with sensitive ones masked, and objects for machines.

A run that ends with them has them in a block of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

from provisioner.model.output import OutputValue
from provisioner.model.secret import HIDDEN
from provisioner.rendering.change import KNOWN_LATER
from provisioner.rendering.machine import Document
from provisioner.rendering.style import Style, cells, escape, pad
from provisioner.rendering.values import value_text


def render_declared_outputs(outputs: Sequence[OutputValue], style: Style) -> str:
    width = max((cells(escape(output.name)) for output in outputs), default=0)
    return "".join(f"{style.bold(pad(escape(output.name), width))} = {_text(output)}\n" for output in outputs)


def render_outputs_section(outputs: Sequence[OutputValue], style: Style) -> str:
    """What stands below the last line of an apply."""
    return f"\n{style.bold('Outputs:')}\n\n{render_declared_outputs(outputs, style)}"


def _text(output: OutputValue) -> str:
    if not output.known:
        return KNOWN_LATER
    return HIDDEN if output.sensitive else value_text(output.value)


def outputs_document(outputs: Sequence[OutputValue]) -> Document:
    """As `terraform output -json`: sensitive values stand in it, and are marked."""
    return {
        output.name: {"sensitive": output.sensitive, "known": output.known, "value": output.value}
        | ({"description": output.description} if output.description else {})
        for output in outputs
    }
