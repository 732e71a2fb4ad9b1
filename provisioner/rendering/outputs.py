"""Renders declared outputs in Terraform's manner: a line each, with sensitive values masked, or JSON objects."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner.model.output import OutputValue
from provisioner.model.secret import HIDDEN
from provisioner.rendering.change import KNOWN_AFTER_APPLY
from provisioner.rendering.machine import Document
from provisioner.rendering.style import Style, cells, escape, pad
from provisioner.rendering.values import value_text


def render_declared_outputs(outputs: Sequence[OutputValue], style: Style) -> str:
    """Returns one line per output, with aligned equals signs."""
    width = max((cells(escape(output.name)) for output in outputs), default=0)
    return "".join(f"{style.bold(pad(escape(output.name), width))} = {_text(output)}\n" for output in outputs)


def render_outputs_section(outputs: Sequence[OutputValue], style: Style) -> str:
    """Returns the section of outputs at the end of an apply."""
    return f"\n{style.bold('Outputs:')}\n\n{render_declared_outputs(outputs, style)}"


def _text(output: OutputValue) -> str:
    if not output.known:
        return KNOWN_AFTER_APPLY
    return HIDDEN if output.sensitive else value_text(output.value)


def outputs_document(outputs: Sequence[OutputValue]) -> Document:
    """Returns the outputs like `terraform output -json`: it contains sensitive values, and marks them."""
    return {
        output.name: {"sensitive": output.sensitive, "known": output.known, "value": output.value}
        | ({"description": output.description} if output.description else {})
        for output in outputs
    }
