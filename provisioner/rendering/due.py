"""Renders what a plan orders prepaid and what it puts at risk, for the last lines of a plan and for the prompt.

Once there are prices, `order_text` names the amount.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from provisioner.model.action import Action, Reason
from provisioner.model.address import Address
from provisioner.model.change import Change
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
    DueReason.REPLACEMENT: "to replace what is released",
    DueReason.ORDER_PLACED: "ordered by an earlier run, and paid by this one",
    DueReason.IN_DOUBT: "in doubt, and ordered by a later apply once it is known that nothing was ordered",
}


def due_text(plan: Plan, style: Style) -> Iterator[str]:
    """Yields the lines that say what is due now, one for each flavor, term and way of paying, and what may be later."""
    yield from _due_now_text(plan, style)
    if later := plan.due_later:
        said = f"{count_of(later)} under {_sorts_text(later)}: {_REASONS[DueReason.IN_DOUBT]}"
        text = order_text(later[0]) if len(later) == 1 else said
        yield from _filled(f"{style.bold('Not due now:')} ", f"{text}.", style, used=len("Not due now: "))


def _due_now_text(plan: Plan, style: Style) -> Iterator[str]:
    due = by_weight(plan.due_now)
    title = style.bold("Due now:")
    if len(due) == 1:
        yield from _filled(f"{title} ", f"{order_text(due[0])}.", style, used=len("Due now: "))
    elif due:
        yield f"{title} {pluralize(count_of(due), f'prepaid {plan.noun}')}."
        for one in due[:_MOST_LINES]:
            yield from _filled("  - ", order_text(one), style, used=4)
        if rest := due[_MOST_LINES:]:
            yield from _filled("  - ", f"and {rest_text(rest)}, shown with each {plan.noun} above", style, used=4)


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
    work, noun, given_up = plan.work, plan.noun, frozenset(plan.terms_given_up)
    wiped = [change.address for change in work if change.action is Action.REINSTALL or resumes_wipe(change)]
    doubtful = [change.address for change in plan.changes if change.reason is Reason.IN_DOUBT]
    released = [change.address for change in work if _releases(change) and change.address not in given_up]
    let_go = [change.address for change in work if change.let_go]
    for addresses, one, many in (
        (wiped, f"The system disk of 1 {noun} is wiped", f"The system disks of {{}} {noun}s are wiped"),
        (
            plan.terms_given_up,
            f"1 {noun} is released before its paid term ends",
            f"{{}} {noun}s are released before their paid terms end",
        ),
        (
            released,
            f"1 {noun} is released, and its system disk is lost",
            f"{{}} {noun}s are released, and their system disks are lost",
        ),
        (doubtful, "1 purchase is in doubt", "{} purchases are in doubt"),
        (let_go, f"1 {noun} is let go, and goes on costing", f"{{}} {noun}s are let go, and go on costing"),
    ):
        if addresses:
            yield one if len(addresses) == 1 else many.format(len(addresses)), addresses


def _releases(change: Change) -> bool:
    """Whether a server is released: neither one that has vanished, nor an order that has brought none yet."""
    is_releasing = change.action in {Action.DELETE, Action.REPLACE} and not change.vanished
    return is_releasing and change.recorded is not None and change.recorded.id is not None


def by_weight(due: Iterable[Due]) -> list[Due]:
    """Returns the largest orders first, so that what is cut off is small."""
    return sorted(due, key=lambda one: -one.weight)


def count_of(due: Sequence[Due]) -> int:
    return sum(one.count for one in due)


def order_text(due: Due) -> str:
    """Returns the terms of an order, when it is paid and whether it renews, for the plan and for its prompt."""
    is_placed = due.reason in {DueReason.ORDER_PLACED, DueReason.IN_DOUBT}
    how = "" if is_placed else _PAYMENTS[due.terms.payment]
    renewed = "renewed automatically" if due.terms.renews else ""
    said = ", ".join(filter(None, (how, renewed, _REASONS.get(due.reason, ""))))
    item = f", {escape(due.terms.item)}" if due.terms.item else ""
    return f"{due.count} {_terms_text(due)}{item}: {said}"


def rest_text(due: Sequence[Due]) -> str:
    """Returns what the orders have in sum that are not named one by one."""
    return f"{count_of(due)} under {_sorts_text(due, 'other term')}"


def _sorts_text(due: Sequence[Due], noun: str = "term") -> str:
    """Returns how many sorts of orders there are, the longest term among them, and how many servers renew theirs."""
    known = [one for one in due if one.terms.period is not None]
    unknown, renewed = count_of(due) - count_of(known), count_of([one for one in due if one.terms.renews])
    longest = max(known, key=lambda one: one.terms.months, default=None)
    up_to = f" of up to {_period_text(longest)}" if longest else ""
    notes = (
        f"{unknown} for a term that is not known" if unknown else "",
        f"{renewed} renewed automatically" if renewed else "",
    )
    return ", ".join(filter(None, (f"{pluralize(len(due), noun)}{up_to}", *notes)))


def _terms_text(due: Due) -> str:
    if due.terms.payment is Payment.UNKNOWN:
        return "of unknown charging"
    if due.terms.period is None:
        return "prepaid for a term that is not declared"
    return f"prepaid for {_period_text(due)}"


def _period_text(due: Due) -> str:
    unit, number = due.terms.period or ("", 0)
    return f"{number} {escape(unit)}"


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
