"""Renders declared outputs in Terraform's manner, with sensitive values masked, or as JSON objects. No value is cut."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner.model.output import OutputValue
from provisioner.model.secret import HIDDEN
from provisioner.rendering.change import KNOWN_AFTER_APPLY
from provisioner.rendering.machine import Document
from provisioner.rendering.style import Style
from provisioner.rendering.values import assignment_lines, value_lines


def render_declared_outputs(outputs: Sequence[OutputValue], style: Style) -> str:
    """Returns one line per output; a list or an object takes several."""
    return "".join(f"{line}\n" for line in assignment_lines({each.name: _lines(each) for each in outputs}, style))


def render_outputs_section(outputs: Sequence[OutputValue], style: Style) -> str:
    """Returns the section of outputs at the end of an apply."""
    return f"\n{style.bold('Outputs:')}\n\n{render_declared_outputs(outputs, style)}"


def _lines(output: OutputValue) -> Sequence[str]:
    if not output.known:
        return (KNOWN_AFTER_APPLY,)
    return (HIDDEN,) if output.sensitive else (*value_lines(output.value),)


def outputs_document(outputs: Sequence[OutputValue]) -> Document:
    """Returns the outputs like `terraform output -json`: it contains sensitive values, and marks them."""
    return {
        output.name: {"sensitive": output.sensitive, "known": output.known, "value": output.value}
        | ({"description": output.description} if output.description else {})
        for output in outputs
    }
