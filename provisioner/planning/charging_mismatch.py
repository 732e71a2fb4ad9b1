"""Finds servers that the cloud sold with another charging mode than was declared.

Every plan warns about one until the specs declare its mode or it is gone, and a guard refuses to buy more of its
flavor. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from provisioner.model.action import Action, Reason
from provisioner.model.address import Address
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, error, warning
from provisioner.model.kind import Catalogue
from provisioner.model.order_ways import apply_hint, cancel_hint, keep_hint, pay_hint, release_hint
from provisioner.model.plan import Plan
from provisioner.model.resource import Desired, Phase, Recorded
from provisioner.planning.address_list import list_addresses
from provisioner.planning.paid_until import term_has_ended
from provisioner.planning.plan_input import PlanInput

CODE = "charging-mismatch"
_NAMED = 5
_RELEASE_ACTIONS = frozenset({Action.DELETE, Action.FORGET})
_COMPARED_PHASES = frozenset({Phase.READY, Phase.REINSTALLING, Phase.DELETING})


def charging_mismatch(plan: Plan, inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Refuses to buy more of a flavor of which a server was sold with another charging mode than the specs declare.

    The cloud would sell the next server in the same way, so every run would buy one more. What counts is what the specs
    declare now, and only servers that were bought from this state.
    """
    buying: dict[tuple[str, str | None], list[Change]] = {}
    for change in plan.changes:
        if change.desired is not None and change.action in {Action.CREATE, Action.REPLACE}:
            flavor = catalogue[change.kind].flavor(change.desired.fields, inputs.policy)
            buying.setdefault((change.kind, flavor), []).append(change)
    wanted = {desired.address: desired for desired in inputs.desired}
    records = inputs.state.resources if buying and inputs.state else {}
    for address in sorted(records):
        recorded = records[address]
        kind = catalogue[recorded.kind]
        key = (kind.name, kind.flavor(recorded.declared, inputs.policy))
        if key in buying and (
            mode := mismatched_mode(recorded, wanted.get(recorded.address.successor), inputs, catalogue)
        ):
            yield error(
                CODE,
                f"{recorded.address} was sold as {mode}, which is not what was declared; no more of {key[1]} is bought",
                detail=f"to be bought: {list_addresses([change.address for change in buying.pop(key)], most=_NAMED)}",
                hint=f"{_remedy(recorded, mode, inputs, catalogue)}; to buy one more anyway, and see how it is sold: --allow {CODE}",
                address=recorded.address,
            )


def charging_mismatch_warnings(
    changes: Iterable[Change], inputs: PlanInput, catalogue: Catalogue
) -> Iterator[Diagnostic]:
    """Warns about mismatches of servers that are not ready yet, because no field of those is compared."""
    for change in changes:
        recorded = change.recorded
        if recorded is None or change.action in _RELEASE_ACTIONS or recorded.phase in _COMPARED_PHASES:
            continue
        if change.reason is Reason.VANISHED or not (
            mode := mismatched_mode(recorded, change.desired, inputs, catalogue)
        ):
            continue
        what = f"order {recorded.order_id}" if recorded.id is None else f"{catalogue[recorded.kind].noun} {recorded.id}"
        paid, awaits = _is_paid(recorded, inputs), recorded.phase is Phase.AWAITING_PAYMENT
        state = "; it is paid" if paid and recorded.id is None else "; it is not paid" if awaits and not paid else ""
        yield warning(
            CODE,
            f"{recorded.address}: {what} was sold as {mode}, which is not what was declared{state}",
            hint=_remedy(recorded, mode, inputs, catalogue),
            source=change.desired.source if change.desired else None,
            address=recorded.address,
        )


def mismatched_mode(recorded: Recorded, desired: Desired | None, inputs: PlanInput, catalogue: Catalogue) -> str | None:
    """Returns the charging mode with which the server was sold, or None where it is the declared one."""
    row = inputs.live.get(recorded.id or "")
    return catalogue[recorded.kind].billing.sold_otherwise(
        recorded, row, desired.fields if desired else None, inputs.policy
    )


def _remedy(recorded: Recorded, mode: str, inputs: PlanInput, catalogue: Catalogue) -> str:
    """Lists the ways to end the mismatch that the record allows. The first one costs least."""
    one, sharing = recorded.address, _addresses_of_order(recorded, inputs)
    noun = catalogue[recorded.kind].noun
    keep = keep_hint(sharing, mode)
    allow = "term-ended" if term_has_ended(recorded, inputs, catalogue[recorded.kind]) else "prepaid-delete"
    release = release_hint(sharing, allow=allow)
    if recorded.id is not None or recorded.order_id is None:
        return f"{keep}; else {release}"
    if _is_paid(recorded, inputs):
        return f"its order is paid: {apply_hint(sharing)} goes on with it; {keep}; else, once it is a {noun}, {release}"
    if recorded.phase is Phase.AWAITING_PAYMENT:
        return f"do not pay it: {cancel_hint(one)}; {keep}; then {pay_hint(one)} and {apply_hint(sharing)}"
    return (
        f"{apply_hint(sharing)} goes on with it; while its order is not paid, {cancel_hint(one)}; {keep}; once it is a {noun}, "
        f"{release}"
    )


def _addresses_of_order(recorded: Recorded, inputs: PlanInput) -> tuple[Address, ...]:
    """Returns all addresses of the same order, because releasing one server releases them all."""
    records = inputs.state.resources.values() if inputs.state else ()
    sharing = {one.address for one in records if recorded.order_id is not None and one.order_id == recorded.order_id}
    return tuple(sorted({recorded.address, *sharing}))


def _is_paid(recorded: Recorded, inputs: PlanInput) -> bool:
    """Whether any record of the same order has its payment recorded."""
    records = inputs.state.resources.values() if inputs.state else ()
    return any(one.paid for one in records if one.order_id == recorded.order_id)
