"""Refuses to place another order beside one that `resolve --absent` passed over and that is still open. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.model.action import Action
from provisioner.model.diagnostic import Diagnostic, error
from provisioner.model.kind import Catalogue
from provisioner.model.plan import Plan
from provisioner.planning.plan_input import PlanInput


def open_order(plan: Plan, inputs: PlanInput, _catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Refuses a purchase beside an open order that may be an earlier purchase of the same address.

    `resolve --absent` allows another purchase, but not beside an order that somebody may pay at any time. An order
    counts as open where billing does not show its outcome.
    """
    given_up = inputs.state.absent.values() if inputs.state else ()
    for change in plan.changes:
        if change.action is not Action.CREATE:
            continue
        for intent in given_up:
            if change.address not in intent.addresses:
                continue
            traces = inputs.traces.get(intent.id, ())
            still = (
                intent.passed_over_orders
                if traces is None
                else [one.order_id for one in traces if not one.is_over and not one.mismatch]
            )
            for order in sorted({*intent.passed_over_orders} & {*still}):
                said = "billing does not say whether it is still open" if traces is None else "it is still open"
                take = f"`provisioner resolve {change.address.shell_quoted} --adopt {order}`"
                yield error(
                    "open-order",
                    f"{change.address}: order {order} may be an earlier purchase for this address, and {said}; the plan would place another one",
                    detail="whoever pays both orders buys two",
                    hint=f"{take} goes on with it, and `provisioner orders cancel {change.address.shell_quoted}` then gives it up; if it belongs to somebody else: --allow open-order",
                    source=change.desired.source if change.desired else None,
                    address=change.address,
                )
