"""Renders declared outputs in Terraform's manner, with sensitive values masked, or as JSON objects. No value is cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from provisioner.model.output import OutputChange, OutputValue
from provisioner.model.secret import HIDDEN
from provisioner.rendering.blocks import paint_sign
from provisioner.rendering.change import KNOWN_AFTER_APPLY
from provisioner.rendering.machine import Document
from provisioner.rendering.style import Style, cells, escape, pad
from provisioner.rendering.values import assignment_lines, pair_texts, shortened_pair, value_lines


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


def output_changes_text(changes: Sequence[OutputChange], style: Style) -> Iterator[str]:
    """Yields the section of a plan that shows how the outputs will change, in Terraform's layout."""
    if not changes:
        return
    yield style.bold("Changes to Outputs:")
    width = max(cells(escape(change.name)) for change in changes)
    for change in changes:
        sign = "-" if change.is_dropped else "~" if change.was_known else "+"
        yield f"  {paint_sign(sign, style)} {pad(escape(change.name), width)} = {_changed_text(change, style)}"


def _changed_text(change: OutputChange, style: Style) -> str:
    before, after = pair_texts(change.before, change.after)
    if style.columns is not None:
        before, after = shortened_pair(before, after)
    if change.sensitive:
        before = after = HIDDEN
    if not change.is_known:
        after = KNOWN_AFTER_APPLY
    if change.is_dropped:
        return f"{before} -> null"
    return f"{before} -> {after}" if change.was_known else after


def outputs_document(outputs: Sequence[OutputValue]) -> Document:
    """Returns the outputs like `terraform output -json`: it contains sensitive values, and marks them."""
    return {
        output.name: {"sensitive": output.sensitive, "known": output.known, "value": output.value}
        | ({"description": output.description} if output.description else {})
        for output in outputs
    }
