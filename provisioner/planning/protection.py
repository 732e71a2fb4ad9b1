"""Guards for servers that are protected by `lifecycle.prevent_destroy`."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.model.action import Action
from provisioner.model.address import Address
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, error
from provisioner.model.kind import Catalogue
from provisioner.model.plan import Mode, Plan
from provisioner.planning.plan_input import PlanInput
from provisioner.planning.releases import forcing_fields

_LOSSES = {
    Action.DELETE: "be released",
    Action.REPLACE: "be released",
    Action.REINSTALL: "have its system disk wiped",
}


def protected(plan: Plan, _inputs: PlanInput, _catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Refuses to release or wipe a server with `lifecycle.prevent_destroy`.

    The protection is recorded in the state, so that removing the whole block from the specs does not lift it. The data
    on a server can be worth more than the server, so its disk is not wiped either.
    """
    for change in plan.changes:
        if change.recorded is None or change.action not in _LOSSES:
            continue
        if change.recorded.protected or (change.desired and change.desired.lifecycle.prevent_destroy):
            fields, loss = forcing_fields(change), _LOSSES[change.action]
            yield error(
                "protected",
                f"{change.address} is protected by lifecycle.prevent_destroy and would {loss}",
                detail=f"forced by {fields}" if fields else "",
                hint=_protected_hint(change),
                source=change.desired.source if change.desired else None,
                address=change.address,
            )


def _protected_hint(change: Change) -> str:
    if change.address.deposed:
        return f"`provisioner state unprotect {change.address.shell_quoted}`, or for this one run: --allow protected"
    hint = _unprotect_hint(change.address)
    return hint if change.desired else f"put it back into the specs, or, {hint}"


def _unprotect_hint(address: Address) -> str:
    return (
        f"if it really is to go: `provisioner state unprotect {address.shell_quoted}`, or set prevent_destroy: false and apply that first, or "
        "for this one run: --allow protected"
    )


def protected_in_doubt(plan: Plan, inputs: PlanInput, _catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Refuses to destroy a protected address whose purchase is in doubt: its server would be released as soon as it is
    found.
    """
    intents = inputs.state.doubts if inputs.state else {}
    for change in plan.changes if plan.mode is Mode.DESTROY else ():
        intent = intents.get(change.address) if change.recorded is None else None
        is_declared_so = change.desired is not None and bool(change.desired.lifecycle.prevent_destroy)
        if intent is not None and (intent.is_protected(change.address) or is_declared_so) and plan.selects(change):
            yield error(
                "protected",
                f"{change.address} is protected by lifecycle.prevent_destroy, and would be released when it is found",
                hint=_unprotect_hint(change.address),
                source=change.desired.source if change.desired else None,
                address=change.address,
            )
