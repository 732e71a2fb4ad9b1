"""Findings about a state that was never recorded, and about states beside it that no stack and no environment names any more.

Without a state every server is unknown: a drift or a destroy finds nothing, and an apply buys everything. That is right
before the first apply, and wrong after a mistyped place or a renamed stack or environment (docs/decisions/0031).
"""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.model.action import Action
from provisioner.model.address import Address
from provisioner.model.diagnostic import Diagnostic, error, warning
from provisioner.model.kind import Catalogue
from provisioner.model.plan import Mode, Plan
from provisioner.model.state_place import StatePlace, UnnamedState
from provisioner.planning.address_list import list_addresses
from provisioner.planning.plan_input import PlanInput

_BUYING = frozenset({Action.CREATE, Action.REPLACE})
_TELLING = frozenset({"no-state", "state-replaced"})
_SHOWN = 5


def no_state(plan: Plan, inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Refuses to look for drift, or to destroy, where no state was ever recorded; and to buy beside states that nothing
    names and that may be this one under its former name.
    """
    place = inputs.place
    if place is None or inputs.state is not None:
        return
    if plan.mode is not Mode.APPLY:
        yield error(
            "no-state",
            f"no state was ever recorded at {place.location}, so nothing can be {_WORK[plan.mode]}",
            detail="\n".join(map(_describe, place.unnamed)),
            hint=f"check -e, --state and the current directory{_rename_hint(place)}; if nothing was applied yet: --allow no-state",
        )
        return
    buying = {change.address for change in plan.changes if change.action in _BUYING}
    if suspects := tuple(one for one in place.unnamed if buying and _may_hold(one, buying)):
        bought = catalogue.counted(len(buying), (change.kind for change in plan.changes))
        yield error(
            "no-state",
            f"no state was ever recorded at {place.location}: {bought} would be bought, beside {_of_states(suspects)} that no stack and no environment names any more",
            detail="\n".join(map(_describe, suspects)),
            hint=f"if the stack or its environment was renamed: {_rename(suspects[0], place)}; if you want to buy these anew: --allow no-state",
        )


def state_elsewhere(plan: Plan, inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Refuses to buy where no state was ever recorded while another place keeps it: everything would be bought twice."""
    place = inputs.place
    if place is None or inputs.state is not None or not place.elsewhere or plan.mode is not Mode.APPLY:
        return
    buying = {change.address for change in plan.changes if change.action in _BUYING}
    if buying:
        bought = catalogue.counted(len(buying), (change.kind for change in plan.changes))
        yield error(
            "state-elsewhere",
            f"no state was ever recorded at {place.location}, and the state of this stack is kept at {place.elsewhere}: {bought} would be bought, perhaps for the second time",
            hint=f"use {place.elsewhere}, or bring its state to {place.location} first; if you want to buy these anew: --allow state-elsewhere",
        )


def state_replaced(plan: Plan, inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Refuses to buy where this user has seen another state: what that one recorded would be bought for the second time."""
    place = inputs.place
    buying = {change.address for change in plan.changes if change.action in _BUYING}
    if place is None or not place.replaced or plan.mode is not Mode.APPLY or not buying:
        return
    now = "there is none now" if inputs.state is None else "another one has been begun there"
    bought = catalogue.counted(len(buying), (change.kind for change in plan.changes))
    yield error(
        "state-replaced",
        f"you have seen the state at {place.location} with {place.replaced}, and {now}: {bought} would be bought, perhaps for the second time",
        hint="restore the state from a backup or a pull; if it was begun anew or its records were lost on purpose: --allow state-replaced",
    )


_WORK = {Mode.DESTROY: "destroyed", Mode.REFRESH: "compared"}


def missing_state_warnings(plan: Plan, inputs: PlanInput) -> Iterator[Diagnostic]:
    """Warns that everything would be bought, and about states of this stack that no environment names any more."""
    place = inputs.place
    if place is None:
        return
    is_told = any(finding.code in _TELLING for finding in (*plan.refusals, *plan.lifted))
    buys = plan.mode is Mode.APPLY and any(change.action in _BUYING for change in plan.changes)
    if inputs.state is None and buys and not is_told:
        yield warning(
            "no-state",
            f"no state yet at {place.location}: everything would be bought",
            hint="this is expected before the first apply; otherwise check -e, --state and the current directory",
        )
    if inputs.state is None:
        return
    for one in place.unnamed:
        if one.is_same_stack:
            yield warning(
                "state-unnamed",
                f"beside {place.location}: {_describe(one)}",
                hint="bring its environment back to manage it; if the environment was renamed: `provisioner state rename`; if all of its servers are gone: move its files away",
            )


def _may_hold(state: UnnamedState, addresses: set[Address]) -> bool:
    """Whether the state holds one of the addresses already, as far as anybody can know."""
    return bool(state.is_same_stack or state.unread or not addresses.isdisjoint(state.addresses))


def _describe(state: UnnamedState) -> str:
    if state.unread:
        return f"the state {state.label} belongs to no stack or environment here, and cannot be read: {state.unread}"
    held = list_addresses(sorted(state.addresses), most=_SHOWN)
    return f"the state {state.label} belongs to no stack or environment here, and holds {held}"


def _of_states(states: tuple[UnnamedState, ...]) -> str:
    return "a state" if len(states) == 1 else f"{len(states)} states"


def _rename(state: UnnamedState, place: StatePlace) -> str:
    return f"`provisioner state rename {state.label} {place.label}`"


def _rename_hint(place: StatePlace) -> str:
    return f"; if it was renamed: {_rename(place.unnamed[0], place)}" if place.unnamed else ""
