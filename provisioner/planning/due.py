"""Sums up what a plan orders that is paid in advance, now or later, and which paid terms its releases give up. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from provisioner.model.action import Action
from provisioner.model.address import Address
from provisioner.model.change import Change, ResolveChange
from provisioner.model.due import Due, DueReason, OrderTerms
from provisioner.model.kind import Catalogue
from provisioner.model.plan import Mode, Plan
from provisioner.model.purchase_policy import Absence
from provisioner.model.resource import BEING_BOUGHT
from provisioner.model.state import Intent
from provisioner.planning.paid_until import forfeits_term, term_has_ended
from provisioner.planning.plan_input import PlanInput
from provisioner.planning.releases import release_has_begun
from provisioner.planning.unpaid_orders import check_order_against_specs, is_paid_by_apply, is_unpaid

_RELEASING = frozenset({Action.DELETE, Action.REPLACE})


def with_due(plan: Plan, inputs: PlanInput, catalogue: Catalogue) -> Plan:
    due = _all_due(plan.changes, inputs, catalogue) if plan.mode is Mode.APPLY else ()
    return replace(
        plan,
        due_now=tuple(one for one in due if one.reason is not DueReason.IN_DOUBT),
        due_later=tuple(one for one in due if one.reason is DueReason.IN_DOUBT),
        terms_given_up=tuple(_terms_given_up(plan.changes, inputs, catalogue)),
    )


def _all_due(changes: Iterable[Change], inputs: PlanInput, catalogue: Catalogue) -> tuple[Due, ...]:
    """Returns what this run orders prepaid or pays, and what a later one may order again, by reason and terms, in the
    order of the plan.
    """
    grouped: dict[tuple[object, ...], tuple[DueReason, OrderTerms, list[Address]]] = {}
    doubts = inputs.state.doubts if inputs.state else {}
    for change in changes:
        reason = _reason(change, inputs, catalogue, doubts)
        if reason is None or change.desired is None:
            continue
        terms = catalogue[change.kind].billing.order_terms(change.desired.fields, inputs.policy)
        if terms is not None:
            key = (reason, terms.item, terms.period, terms.payment, terms.renews)
            grouped.setdefault(key, (reason, terms, []))[2].append(change.address)
    return tuple(Due(reason, terms, tuple(addresses)) for reason, terms, addresses in grouped.values())


def _reason(
    change: Change, inputs: PlanInput, catalogue: Catalogue, doubts: Mapping[Address, Intent]
) -> DueReason | None:
    match change.action:
        case Action.CREATE:
            return DueReason.PURCHASE
        case Action.REPLACE:
            return DueReason.PURCHASE if change.vanished else DueReason.REPLACEMENT
        case Action.RESUME if isinstance(change, ResolveChange):
            return DueReason.IN_DOUBT if _may_be_ordered_again(change, catalogue, doubts) else None
        case Action.RESUME:
            return DueReason.ORDER_PLACED if _pays_placed_order(change, inputs, catalogue) else None
        case _:
            return None


def _may_be_ordered_again(change: Change, catalogue: Catalogue, doubts: Mapping[Address, Intent]) -> bool:
    """Whether a later run orders it without a person's word, once it is known that nothing was ordered."""
    intent = doubts.get(change.address)
    if intent is None or change.let_go:
        return False
    return catalogue[change.kind].absence(intent) is not Absence.BY_A_PERSON


def _pays_placed_order(change: Change, inputs: PlanInput, catalogue: Catalogue) -> bool:
    """Whether the run pays an order that an earlier run has placed: only of two steps the second is left to do."""
    recorded, desired, kind = change.recorded, change.desired, catalogue[change.kind]
    if recorded is None or desired is None or recorded.id is not None or recorded.paid:
        return False
    if recorded.order_id is None or recorded.phase not in BEING_BOUGHT:
        return False
    if kind.billing.sold_otherwise(recorded, None, desired.fields, inputs.policy):
        return False
    is_as_ordered = check_order_against_specs(recorded, desired, kind, inputs.policy) is None
    return is_as_ordered and is_paid_by_apply(desired, kind, inputs.policy)


def _terms_given_up(changes: Iterable[Change], inputs: PlanInput, catalogue: Catalogue) -> Iterator[Address]:
    """Yields the addresses whose release gives up the rest of a paid term, where nothing has been released yet."""
    for change in changes:
        recorded, kind = change.recorded, catalogue[change.kind]
        if recorded is None or change.action not in _RELEASING or change.vanished:
            continue
        if release_has_begun(change) or is_unpaid(recorded, inputs) or term_has_ended(recorded, inputs, kind):
            continue
        if forfeits_term(recorded, inputs, kind):
            yield change.address
