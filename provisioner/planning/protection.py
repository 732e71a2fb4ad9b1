"""Guards for servers that are protected by `lifecycle.prevent_destroy`, and a destroy that leaves these alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from provisioner.model.action import Action
from provisioner.model.address import Address
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, error
from provisioner.model.kind import Catalogue
from provisioner.model.plan import Mode, Plan
from provisioner.planning.moves import destinations
from provisioner.planning.plan_input import PlanInput
from provisioner.planning.releases import forcing_fields

_LOSSES = {
    Action.DELETE: "be released",
    Action.REPLACE: "be released",
    Action.REINSTALL: "have its system disk wiped",
}
_ASSUMED_HINT = "to release only the others: --keep-protected; to release it too: set prevent_destroy: false there, with what its specs lack, or for this run: --allow protected"
_ASSUMED = "prevent_destroy in its specs is true, or cannot be computed here"


def keep_protected(inputs: PlanInput, mode: Mode) -> PlanInput:
    """Returns `inputs` with a selection that leaves alone what is protected, where a destroy is asked to do that.

    What is deposed goes where its successor goes, so protection of one of the two keeps both.
    """
    if mode is not Mode.DESTROY or not inputs.selection.keeps_protected:
        return inputs
    kept = tuple(sorted({address.successor for address in _protected_addresses(inputs)}))
    return replace(inputs, selection=replace(inputs.selection, kept=kept))


def _protected_addresses(inputs: PlanInput) -> Iterator[Address]:
    """Yields every address that the state or the specs protect, or may protect, also while its purchase is in doubt."""
    if inputs.state is None:
        return
    is_declared = _declared_protection(inputs)
    for address, recorded in inputs.state.resources.items():
        if recorded.protected or is_declared(address):
            yield address
    for address, intent in inputs.state.doubts.items():
        if intent.is_protected(address) or is_declared(address):
            yield address


def _declared_protection(inputs: PlanInput) -> Callable[[Address], bool]:
    """Returns a function that tells whether the specs protect an address, or do not show whether they do.

    A destroy moves no records first, so what the specs say of the address that a record is to move to counts as well.
    """
    declared = {desired.address: bool(desired.lifecycle.prevent_destroy) for desired in inputs.desired}
    destination = destinations(inputs.refactoring.moves)

    def is_declared(address: Address) -> bool:
        places = (address, destination(address))
        return any(declared.get(place, place.group in inputs.assumed_protected) for place in places)

    return is_declared


def protected(plan: Plan, inputs: PlanInput, _catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Refuses to release or wipe a server with `lifecycle.prevent_destroy`.

    The protection is recorded in the state, so that removing the whole block from the specs does not lift it. The data
    on a server can be worth more than the server, so its disk is not wiped either.
    """
    is_declared = _declared_protection(inputs)
    for change in plan.changes:
        if change.recorded is None or change.action not in _LOSSES:
            continue
        if change.recorded.protected or is_declared(change.address):
            fields, loss = forcing_fields(change), _LOSSES[change.action]
            is_assumed = not change.recorded.protected and change.desired is None
            yield error(
                "protected",
                f"{change.address} is protected by lifecycle.prevent_destroy and would {loss}",
                detail=f"forced by {fields}" if fields else _ASSUMED if is_assumed else "",
                hint=_ASSUMED_HINT if is_assumed else _protected_hint(change, plan.mode),
                source=change.desired.source if change.desired else None,
                address=change.address,
            )


def _protected_hint(change: Change, mode: Mode) -> str:
    if change.address.deposed:
        return f"`provisioner state unprotect {change.address.shell_quoted}`, or for this run: --allow protected"
    hint = _unprotect_hint(change.address)
    if mode is Mode.DESTROY:
        return f"to release only the others: --keep-protected; {hint}"
    return hint if change.desired else f"put it back into the specs, or, {hint}"


def _unprotect_hint(address: Address) -> str:
    return f"to release it: `provisioner state unprotect {address.shell_quoted}`, or set prevent_destroy: false and apply that first, or for this run: --allow protected"


def protected_in_doubt(plan: Plan, inputs: PlanInput, _catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Refuses to destroy a protected address whose purchase is in doubt: its server would be released as soon as it is
    found.
    """
    intents, is_declared = inputs.state.doubts if inputs.state else {}, _declared_protection(inputs)
    for change in plan.changes if plan.mode is Mode.DESTROY else ():
        intent = intents.get(change.address) if change.recorded is None else None
        is_protected = intent is not None and (intent.is_protected(change.address) or is_declared(change.address))
        if is_protected and plan.selects(change):
            yield error(
                "protected",
                f"{change.address} is protected by lifecycle.prevent_destroy, and would be released when it is found",
                hint=f"to release only the others: --keep-protected; {_unprotect_hint(change.address)}",
                source=change.desired.source if change.desired else None,
                address=change.address,
            )
