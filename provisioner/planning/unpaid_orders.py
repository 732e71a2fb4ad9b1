"""Reports orders that nobody has paid: what they wait for, what the specs say otherwise by now, and that giving one up
costs nothing. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from provisioner.model.action import Action
from provisioner.model.canonical import JsonValue
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.field_rule import OnChange
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.lookalikes import quote_distinctly
from provisioner.model.order_ways import apply_hint, cancel_hint, pay_hint
from provisioner.model.purchase_policy import Prepaid, PurchasePolicy
from provisioner.model.redaction import value_at
from provisioner.model.resource import Desired, Phase, Recorded
from provisioner.planning import comparison
from provisioner.planning.address_list import list_addresses
from provisioner.planning.charging_mismatch import charging_mismatch_warnings
from provisioner.planning.difference import differences
from provisioner.planning.plan_input import PlanInput

CODE, OTHERWISE = "unpaid-order", "ordered-otherwise"
_NAMED = 6
"""How many addresses a warning names at most."""
_ORDERED = frozenset({Phase.ORDERING, Phase.AWAITING_PAYMENT})


def is_unpaid(recorded: Recorded, inputs: PlanInput) -> bool:
    """Whether the order is recorded as unpaid and no live server shows that it was paid."""
    if recorded.order_id is None or recorded.phase is not Phase.AWAITING_PAYMENT:
        return False
    return all(row.order_id != recorded.order_id for row in inputs.live.values())


def unpaid_order_detail(recorded: Recorded) -> str:
    """Returns the detail that replaces what a release gives up. It contains the way out, because the hint of an allowed
    refusal only says who allowed it.
    """
    return f"its order {recorded.order_id} is not paid, so there is nothing to release: {cancel_hint(recorded.address)}"


def order_warnings(changes: Iterable[Change], inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Warns about orders: those sold with another charging mode, those whose specs have changed since, and those that
    wait for a person.
    """
    changes = tuple(changes)
    yield from charging_mismatch_warnings(changes, inputs, catalogue)
    for change in changes:
        recorded, desired = change.recorded, change.desired
        if change.action is not Action.RESUME or recorded is None or desired is None or recorded.id is not None:
            continue
        kind = catalogue[change.kind]
        if kind.billing.sold_otherwise(recorded, None, desired.fields, inputs.policy):
            continue  # `charging-mismatch` says what to do about it
        if (mismatch := check_order_against_specs(recorded, desired, kind, inputs.policy)) is not None:
            yield mismatch
        elif is_unpaid(recorded, inputs) and not is_paid_by_apply(desired, kind, inputs.policy):
            yield warning(
                CODE,
                f"{recorded.address}: order {recorded.order_id} awaits payment or approval; apply does not pay it",
                hint=f"{pay_hint(recorded.address)} pays it, once it is approved; apply then continues with it. {cancel_hint(recorded.address)}",
                source=desired.source,
                address=recorded.address,
            )


def is_paid_by_apply(desired: Desired, kind: Kind, policy: PurchasePolicy) -> bool:
    """Whether apply pays the order itself."""
    waits = any(advice.code == CODE for advice in kind.orders.advise(desired.fields))
    return policy.prepaid is Prepaid.TWO_STEP and not waits


def check_order_against_specs(
    recorded: Recorded, desired: Desired, kind: Kind, policy: PurchasePolicy
) -> Diagnostic | None:
    """Warns about an order whose server is not there yet and that was placed for a machine or a system that the specs
    no longer want; None where it still fits.
    """
    if recorded.order_id is None or recorded.id is not None or recorded.phase not in _ORDERED:
        return None
    if not (items := tuple(_differing(recorded, desired, kind, policy))):
        return None
    address = recorded.address
    if recorded.paid:
        state, way = "; it is paid", f"undo the change in the specs, then {apply_hint((address,))} goes on with it"
    elif recorded.phase is Phase.AWAITING_PAYMENT:
        state, way = "; it is not paid", f"{cancel_hint(address)}, and the next apply orders what the specs say"
        way += "; or undo the change, because paying buys what was ordered"
    else:
        state, way = (
            "",
            f"if it is unpaid, {cancel_hint(address)}, and the next apply orders what the specs say; otherwise undo the change",
        )
    return warning(
        OTHERWISE,
        f"{address}: order {recorded.order_id} was placed for something else than the specs say now{state}",
        detail="; ".join(items),
        hint=way,
        source=desired.source,
        address=address,
    )


def _differing(recorded: Recorded, desired: Desired, kind: Kind, policy: PurchasePolicy) -> Iterator[str]:
    """Describes each difference. Secrets are not compared, because nobody pays for them."""
    after = comparison.with_known_fingerprints(
        kind, kind.redact(desired.fields, lambda _secret: None), recorded.declared
    )
    found = comparison.compare(kind, recorded, None, after)
    for item in differences(kind.lasting_fields(found.current), kind.lasting_fields(after)):
        rule = kind.rule(item.path)
        was, wanted = value_at(found.current, item.path), value_at(after, item.path)
        meant = kind.default(rule, policy) if wanted is None else wanted
        if rule.secret or rule.on_change not in {OnChange.REPLACE, OnChange.REINSTALL}:
            continue
        if was == meant or meant is None or comparison.is_ignored(item.path, desired):
            continue
        yield _describe_difference(".".join(item.path), was, meant, is_said=wanted is not None)


def _describe_difference(path: str, was: JsonValue, meant: JsonValue, *, is_said: bool) -> str:
    ordered, wanted = quote_distinctly(was, meant)
    return f"{path} is {ordered}, and {'the specs say' if is_said else 'leaving it out means'} {wanted}"


def purchase_warnings(changes: Iterable[Change], catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Yields each piece of advice about the plan's purchases once, with all purchases that it is true of."""
    by_advice: dict[tuple[str, str, str, str], list[Change]] = {}
    for change in changes:
        if change.desired is not None and change.action in {Action.CREATE, Action.REPLACE}:
            for advice in catalogue[change.kind].orders.advise(change.desired.fields):
                by_advice.setdefault((change.kind, advice.code, advice.message, advice.hint), []).append(change)
    for (_, code, message, hint), buying in by_advice.items():
        source = buying[0].desired.source if buying[0].desired else None
        single = buying[0].address if len(buying) == 1 else None
        names = list_addresses([change.address for change in buying], most=_NAMED)
        yield warning(code, f"{names}: {message}", hint=hint, source=source, address=single)
