"""Reports what another state of the same place holds as well, and refuses to release, replace or wipe such a server.

Of two states that record one server, either could release it while the other still uses it (docs/decisions/0013). Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.model.action import Action
from provisioner.model.change import Change, ReplaceChange
from provisioner.model.diagnostic import Diagnostic, error, warning
from provisioner.model.guards import Allowance
from provisioner.model.held_twice import SharedPurchase
from provisioner.model.kind import Catalogue
from provisioner.model.plan import Plan
from provisioner.model.resource import Recorded
from provisioner.planning.plan_input import PlanInput

_LOSING = {
    Action.DELETE: "be released",
    Action.REPLACE: "be released, and another one bought",
    Action.REINSTALL: "have its system disk wiped",
}


def held_twice_warnings(inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Warns about each server and each purchase in doubt that another state has as well."""
    held = inputs.held_twice
    for recorded in inputs.state.resources.values() if inputs.state and held.records else ():
        if (found := _describe(recorded, inputs, catalogue)) is not None:
            yield warning(
                Allowance.HELD_TWICE,
                f"{recorded.address}: {found}",
                detail="either of the two states could release it while the other still uses it",
                hint=_keep_one(recorded),
                address=recorded.address,
            )
    for shared in held.purchases:
        yield _shared_purchase_warning(shared, catalogue)


def held_twice(plan: Plan, inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Refuses to lose a server that another state records as well. One that is gone already is lost to both."""
    if not inputs.held_twice.records:
        return
    for change in plan.changes:
        recorded = change.recorded
        if recorded is None or not _loses(change, recorded, inputs, catalogue):
            continue
        yield error(
            Allowance.HELD_TWICE,
            f"{change.address} would {_LOSING[change.action]}, and {_describe(recorded, inputs, catalogue)}",
            hint=f"{_keep_one(recorded)}. To do it all the same in this run: --allow {Allowance.HELD_TWICE}",
            source=change.desired.source if change.desired else None,
            address=change.address,
        )


def _loses(change: Change, recorded: Recorded, inputs: PlanInput, catalogue: Catalogue) -> bool:
    """Whether the change takes a server from the other state. A server that is not common is lost with a common order."""
    if change.action not in _LOSING or (isinstance(change, ReplaceChange) and change.vanished):
        return False
    held = inputs.held_twice.records
    if recorded.id in held:
        return True
    live = inputs.live.get(recorded.id or "")
    ends_order = recorded.id is None or catalogue[change.kind].orders.ends_its_order(recorded, live)
    return recorded.order_id in held and change.action is not Action.REINSTALL and ends_order


def _describe(recorded: Recorded, inputs: PlanInput, catalogue: Catalogue) -> str | None:
    """Returns a clause about what is common; None where nothing is."""
    held = inputs.held_twice.records
    if recorded.id is not None and (label := held.get(recorded.id)) is not None:
        return f"{catalogue[recorded.kind].noun} {recorded.id} is recorded in the state {label} as well"
    if recorded.order_id is not None and (label := held.get(recorded.order_id)) is not None:
        return f"its order {recorded.order_id} is recorded in the state {label} as well"
    return None


def _keep_one(recorded: Recorded) -> str:
    return f"decide which of the two states it belongs to, and forget it in the other one, which releases nothing: here that is `provisioner state rm {recorded.address.shell_quoted}`"


def _shared_purchase_warning(shared: SharedPurchase, catalogue: Catalogue) -> Diagnostic:
    noun, address = catalogue[shared.intent.kind].noun, shared.intent.address
    return warning(
        Allowance.HELD_TWICE,
        f"{shared.intent.address_list}: the state {shared.label} has a purchase of the same name {shared.name!r} whose outcome is open too, for {shared.other.address_list}",
        detail=f"a {noun} of that name may be the outcome of either, so neither of the two states adopts it",
        hint=f"look in the console for what was bought, and settle both: here with `provisioner resolve {address.shell_quoted} --adopt` and an id, or `provisioner resolve {address.shell_quoted} --absent`",
        address=address,
    )
