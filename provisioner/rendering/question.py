"""Renders the question of a run's prompt: what would be done, what is due for it, and what is lost by saying yes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from provisioner.model.due import Due, DueReason, Payment
from provisioner.model.plan import Mode, Plan
from provisioner.rendering.caller import target_text
from provisioner.rendering.change import paint_loss
from provisioner.rendering.due import certain_due, count_of, fitted_names, item_text, risks_of, terms_text
from provisioner.rendering.style import Style, cells, wrap
from provisioner.rendering.wording import pluralize

_MOST_NAMED = 3
"""How many sorts of orders the prompt names. The plan above it has them all."""

_PAYMENTS = {
    Payment.AT_ONCE: "paid at once",
    Payment.CHECKED: "paid by this run if the order is as declared",
    Payment.AWAITED: "not paid: the order awaits payment",
    Payment.UNKNOWN: "charged as the cloud decides, perhaps prepaid",
}


def question_of(plan: Plan, style: Style) -> str:
    """Returns the question, as lines that end in a newline. A loss is never dim."""
    target = target_text(plan.basis)
    lines = (*_question(plan, style), *_losses(plan, style), *((f"  They are done in {target}.",) if target else ()))
    return "".join(f"{line}\n" for line in lines)


def _question(plan: Plan, style: Style) -> Iterator[str]:
    due = certain_due(plan)
    match plan.mode:
        case Mode.DESTROY:
            yield f"Do you really want to release these {plan.noun}s?"
            yield paint_loss("  There is no undo, and their data is lost.", style)
        case Mode.REFRESH:
            yield "Do you want to record what the cloud shows?"
            yield "  Nothing is bought, changed or released."
        case Mode.APPLY if len(due) == 1 and due[0].count == len(plan.work) and due[0].reason is DueReason.PURCHASE:
            yield from _filled(f"Buy {_asked(due[0])}?", style)
        case Mode.APPLY:
            yield "Do you want to perform these actions?"
            for one in due[:_MOST_NAMED]:
                yield from _filled(f"  Due now: {_asked(one)}.", style)
            if rest := due[_MOST_NAMED:]:
                yield f"  Due now as well: {count_of(rest)} under {pluralize(len(rest), 'other term')}, as the plan says."


def _losses(plan: Plan, style: Style) -> Iterator[str]:
    for what, addresses in risks_of(plan):
        yield paint_loss(f"  {what}: {fitted_names(addresses, style.width - cells(what) - 5)}.", style)


def _asked(due: Due) -> str:
    if due.reason is DueReason.ORDER_PLACED:
        return f"{due.count} {terms_text(due)}{item_text(due)}, ordered by an earlier run and paid by this one"
    replaced = ", to replace what is released" if due.reason is DueReason.REPLACEMENT else ""
    return f"{due.count} {terms_text(due)}{item_text(due)}, {_PAYMENTS[due.terms.payment]}{replaced}"


def _filled(text: str, style: Style) -> Sequence[str]:
    first, *rest = wrap(text, style.width - 2)
    return (first, *(f"    {line.lstrip()}" for line in rest))
