"""Renders the question of a run's prompt: what would be done, what is due for it, and what is lost by saying yes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from provisioner.model.due import DueReason
from provisioner.model.plan import Mode, Plan
from provisioner.rendering.caller import target_text
from provisioner.rendering.change import paint_loss
from provisioner.rendering.due import by_weight, fitted_names, order_text, rest_text, risks_of
from provisioner.rendering.style import Style, cells, wrap

_MOST_NAMED = 3
"""How many sorts of orders the prompt names. The plan above it has them all."""


def question_of(plan: Plan, style: Style) -> str:
    """Returns the question, as lines that end in a newline. A loss is never dim."""
    target = target_text(plan.basis)
    lines = (*_question(plan, style), *_losses(plan, style), *((f"  They are done in {target}.",) if target else ()))
    return "".join(f"{line}\n" for line in lines)


def _question(plan: Plan, style: Style) -> Iterator[str]:
    due = by_weight(plan.due_now)
    match plan.mode:
        case Mode.DESTROY:
            yield f"Do you really want to release these {plan.noun}s?"
            yield paint_loss("  There is no undo, and their data is lost.", style)
        case Mode.REFRESH:
            yield "Do you want to record what the cloud shows?"
            yield "  Nothing is bought, changed or released."
        case Mode.APPLY if len(due) == 1 and due[0].count == len(plan.work) and due[0].reason is DueReason.PURCHASE:
            yield from _filled(f"Buy {order_text(due[0])}?", style)
        case Mode.APPLY:
            yield "Do you want to perform these actions?"
            for one in due[:_MOST_NAMED]:
                yield from _filled(f"  Due now: {order_text(one)}.", style)
            if rest := due[_MOST_NAMED:]:
                yield from _filled(f"  Due now as well: {rest_text(rest)}, as the plan says.", style)


def _losses(plan: Plan, style: Style) -> Iterator[str]:
    for what, addresses in risks_of(plan):
        yield paint_loss(f"  {what}: {fitted_names(addresses, style.width - cells(what) - 5)}.", style)


def _filled(text: str, style: Style) -> Sequence[str]:
    first, *rest = wrap(text, style.width - 2)
    return (first, *(f"    {line.lstrip()}" for line in rest))
