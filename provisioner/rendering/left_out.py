"""Renders the changes that a run leaves out because of its options, such as `--target`."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.model.plan import Plan
from provisioner.rendering.blocks import paint_sign
from provisioner.rendering.style import Style, escape
from provisioner.rendering.wording import WORDS, pluralize

_SHOWN = 20


def left_out_text(plan: Plan, style: Style) -> Iterator[str]:
    """Yields the options that leave changes out, then those changes."""
    if not plan.left_out:
        return
    yield style.bold(f"Left out by {escape(str(plan.selection))}: {pluralize(len(plan.left_out), 'change')}")
    for each in plan.left_out[:_SHOWN]:
        sign = paint_sign(f"{WORDS[each.action].sign:>3}", style)
        yield f"{sign} {escape(str(each.address))}"
    if (more := len(plan.left_out) - _SHOWN) > 0:
        yield f"    and {more} more"
