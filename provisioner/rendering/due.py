"""Renders what a plan orders prepaid and what it puts at risk, for the last lines of a plan and for the prompt.

Once there are prices, `_due_line` names the amount, and so does the question of the prompt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from provisioner.model.action import Action, Reason
from provisioner.model.address import Address
from provisioner.model.due import Due, DueReason, Payment
from provisioner.model.effects import resumes_wipe
from provisioner.model.plan import Plan
from provisioner.rendering.change import paint_loss
from provisioner.rendering.style import Style, cells, escape, wrap
from provisioner.rendering.wording import pluralize

_MOST_LINES = 6
"""How many sorts of orders the last lines of a plan name. With the risks and the sum they fit on a small screen."""

_PAYMENTS = {
    Payment.AT_ONCE: "ordered and paid at once",
    Payment.CHECKED: "ordered, then paid by this run if the order is as declared",
    Payment.AWAITED: "ordered, and not paid: the order awaits payment",
    Payment.UNKNOWN: "the cloud decides how they are charged, perhaps prepaid",
}
_REASONS = {
    DueReason.PURCHASE: "",
    DueReason.REPLACEMENT: "to replace what is released",
    DueReason.ORDER_PLACED: "ordered by an earlier run, and paid by this one",
    DueReason.IN_DOUBT: "in doubt, and ordered again only if it turns out that nothing was bought",
}


def due_text(plan: Plan, style: Style) -> Iterator[str]:
    """Yields the lines that say what is due now: one for each flavor, term and way of paying."""
    if not plan.due_now:
        return
    title = style.bold("Due now:")
    if len(plan.due_now) == 1:
        yield from _filled(f"{title} ", f"{_due_line(plan.due_now[0])}.", style, used=len("Due now: "))
        return
    certain = certain_due(plan)
    doubtful = count_of(plan.due_now) - count_of(certain)
    perhaps = f", and perhaps {doubtful} more in doubt" if doubtful else ""
    yield f"{title} {pluralize(count_of(certain), f'prepaid {plan.noun}')}{perhaps}."
    for due in plan.due_now[:_MOST_LINES]:
        yield from _filled("  - ", _due_line(due), style, used=4)
    if rest := plan.due_now[_MOST_LINES:]:
        yield f"  - and {count_of(rest)} under {pluralize(len(rest), 'other term')}, shown with each {plan.noun} above"


def risks_text(plan: Plan, style: Style) -> Iterator[str]:
    """Yields what the plan may lose, and what forbids it: a line each, so that all of it fits on a small screen."""
    for what, addresses in risks_of(plan):
        yield paint_loss(f"! {what}: {fitted_names(addresses, style.width - cells(what) - 4)}", style)
    if plan.refusals:
        codes = Counter(refusal.code for refusal in plan.refusals)
        names = ", ".join(code if count == 1 else f"{code} ({count} times)" for code, count in codes.items())
        first, *rest = wrap(f"! Refused: {names}. Nothing would be done.", style.width)
        yield paint_loss(first, style)
        yield from (paint_loss(f"  {line}", style) for line in rest)


def risks_of(plan: Plan) -> Iterator[tuple[str, Sequence[Address]]]:
    """Yields each kind of loss or doubt with its addresses."""
    work, noun = plan.work, plan.noun
    wiped = [change.address for change in work if change.action is Action.REINSTALL or resumes_wipe(change)]
    doubtful = [change.address for change in plan.changes if change.reason is Reason.IN_DOUBT]
    let_go = [change.address for change in work if change.let_go]
    for addresses, one, many in (
        (wiped, f"The system disk of 1 {noun} is wiped", f"The system disks of {{}} {noun}s are wiped"),
        (
            plan.terms_given_up,
            f"1 {noun} is released before its paid term ends",
            f"{{}} {noun}s are released before their paid terms end",
        ),
        (doubtful, "1 purchase is in doubt", "{} purchases are in doubt"),
        (let_go, f"1 {noun} is let go, and goes on costing", f"{{}} {noun}s are let go, and go on costing"),
    ):
        if addresses:
            yield one if len(addresses) == 1 else many.format(len(addresses)), addresses


def certain_due(plan: Plan) -> tuple[Due, ...]:
    """Returns what the run orders or pays whatever is found out about purchases in doubt."""
    return tuple(due for due in plan.due_now if due.reason is not DueReason.IN_DOUBT)


def count_of(due: Sequence[Due]) -> int:
    return sum(one.count for one in due)


def terms_text(due: Due) -> str:
    if due.terms.payment is Payment.UNKNOWN:
        return "of unknown charging"
    if due.terms.period is None:
        return "prepaid for a term that is not declared"
    unit, number = due.terms.period
    return f"prepaid for {number} {escape(unit)}"


def item_text(due: Due) -> str:
    return f", {escape(due.terms.item)}" if due.terms.item else ""


def _due_line(due: Due) -> str:
    is_placed = due.reason in {DueReason.ORDER_PLACED, DueReason.IN_DOUBT}
    how = "" if is_placed else _PAYMENTS[due.terms.payment]
    renewed = "renewed automatically" if due.terms.renews else ""
    said = ", ".join(filter(None, (how, renewed, _REASONS[due.reason])))
    return f"{due.count} {terms_text(due)}{item_text(due)}: {said}"


def _filled(label: str, text: str, style: Style, *, used: int) -> Iterator[str]:
    """Yields `text` after a label of `used` cells, and what does not fit on lines below it."""
    first, *rest = wrap(text, style.width - used)
    yield f"{label}{first}"
    yield from (" " * used + line for line in rest)


def fitted_names(addresses: Sequence[Address], room: int) -> str:
    """Returns as many addresses as fit into `room` cells, at least one, and how many more there are."""
    shown: list[str] = []
    used = 0
    for number, address in enumerate(addresses, start=1):
        name = escape(str(address))
        rest = len(addresses) - number
        used += cells(name) + (2 if shown else 0)
        if shown and used + (len(f" and {rest} more") if rest else 0) > room:
            break
        shown.append(name)
    more = f" and {len(addresses) - len(shown)} more" if len(addresses) > len(shown) else ""
    return ", ".join(shown) + more
