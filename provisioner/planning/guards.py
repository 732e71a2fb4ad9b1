"""Defines the safety rules. Each guard is a function from a plan to the refusals that it finds; a refusal has a code
and a way out.

A guard changes nothing and knows no command line. A new rule is a new function and a line in GUARDS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from provisioner.model.action import Action, Reason
from provisioner.model.address import Address
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, error, warning
from provisioner.model.doubt import find_untracked
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.lookalikes import look_alike, may_be_confusable
from provisioner.model.marker import shorten, strip_marker
from provisioner.model.plan import Mode, Plan
from provisioner.model.resource import Desired, Live
from provisioner.model.shared_orders import find_by_order
from provisioner.model.state import Intent
from provisioner.planning.charging_mismatch import charging_mismatch
from provisioner.planning.ended_terms import term_ended
from provisioner.planning.held_twice import held_twice
from provisioner.planning.late_purchases import (
    adopt_command,
    describe_late_purchase,
    describe_unmanaged,
    find_late_purchases,
)
from provisioner.planning.limits import mass_change, max_servers, vanished
from provisioner.planning.missing_state import no_state, state_elsewhere, state_replaced
from provisioner.planning.open_orders import open_order
from provisioner.planning.plan_input import PlanInput
from provisioner.planning.protection import protected, protected_in_doubt
from provisioner.planning.releases import (
    prepaid_delete,
    prepaid_replacement,
    shared_order,
    split_order,
)
from provisioner.planning.stock import unavailable
from provisioner.planning.unknown_status import unknown_status

Guard: TypeAlias = Callable[[Plan, PlanInput, Catalogue], Iterable[Diagnostic]]


def name_taken(plan: Plan, inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Refuses to use a name that another server has. Names are not unique in the cloud, so two servers with one name
    could never be told apart later.
    """
    recorded = [change.recorded for change in plan.changes if change.recorded is not None]
    owners = {row.id: address for address, row in find_by_order(recorded, inputs.live.values()).items()}
    owners |= {record.id: record.address for record in recorded if record.id is not None}
    late_purchases = _late_purchases_of_vacant(inputs, catalogue)
    rows_by_name: dict[tuple[str, str], list[Live]] = {}
    for row in inputs.live.values():
        rows_by_name.setdefault((row.kind, row.name), []).append(row)
    unmanaged = _unmanaged_by_base_name(inputs)
    leaving = {each.address for each in plan.changes if each.action is Action.DELETE and each.desired is None}
    for change, desired in _changes_taking_a_name(plan):
        kind = catalogue[change.kind]
        for row in unmanaged.get((kind.name, shorten(desired.name, longest=kind.longest_name)), ()):
            if row.id not in owners:
                yield _untracked_error(change, desired, row, late_purchases.get(row.id), kind)
        for row in rows_by_name.get((kind.name, desired.name), ()):
            owner, intent = owners.get(row.id), late_purchases.get(row.id)
            if owner is None and intent is not None and change.address in intent.addresses:
                yield _untracked_error(change, desired, row, intent, kind)
            elif owner is None:
                yield _name_taken_error(change, desired, row, inputs, kind)
            elif owner.successor != change.address:
                yield _name_held_error(change, desired, owner, row, kind, may_move=owner in leaving)


def _name_held_error(
    change: Change, desired: Desired, owner: Address, row: Live, kind: Kind, *, may_move: bool
) -> Diagnostic:
    """Refuses the name that `owner` still has. Only a server that would be released for a purchase can have moved: one that
    stays in the specs keeps its address.
    """
    may_move = may_move and change.action is Action.CREATE
    move = f"`provisioner state mv {owner.shell_quoted} {change.address.shell_quoted}`, or moved: in the specs"
    moved = f"if only the address of {owner} changed in the specs: {move}. Otherwise " if may_move else ""
    return error(
        "name-held",
        f"{owner} still has the name {desired.name!r} ({row.id})",
        detail=f"buying it again before that {kind.noun} is released or renamed would pay for both"
        if change.action in {Action.CREATE, Action.REPLACE}
        else "",
        hint=f"{moved}apply its release or its new name first, and this address afterwards",
        source=desired.source,
        address=change.address,
    )


def _name_taken_error(change: Change, desired: Desired, row: Live, inputs: PlanInput, kind: Kind) -> Diagnostic:
    claim = inputs.claims.get(row.id)
    hint = f"choose another name in the specs, or have that {kind.noun} renamed"
    if claim is None:
        hint += f" or released; if it is this one: `provisioner import {change.address.shell_quoted} {row.id}`"
        cause = "this state is an older copy: `provisioner state rebuild --force`"
        cause = cause if inputs.state else "the state is lost: `provisioner state rebuild`"
        hint += f"; if it was bought from here and {cause}"
    else:
        hint += f". A {kind.noun} belongs to one state, and that one decides about it"
    return error(
        "name-taken",
        f"a {kind.noun} named {desired.name!r} exists and {claim or 'is not in this state'} ({row.id}, {row.status})",
        hint=hint,
        source=desired.source,
        address=change.address,
    )


def _late_purchases_of_vacant(inputs: PlanInput, catalogue: Catalogue) -> Mapping[str, Intent]:
    """Returns, by server id, the purchases presumed absent that have made a server after all, where their addresses are
    vacant and no other state may hold the server.
    """
    state = inputs.state
    if state is None or not state.absent:
        return {}
    untracked = find_untracked(inputs.live.values(), state.resources.values())
    free = [row for row in untracked if row.id not in inputs.claims]
    found = find_late_purchases(state, free, catalogue)
    return {row: intent for row, intent in found.items() if state.resources.keys().isdisjoint(intent.addresses)}


def list_incomplete(plan: Plan, inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Refuses to use a name while the list may hide a server that has it already."""
    for change, desired in _changes_taking_a_name(plan):
        noun = catalogue[change.kind].noun
        if hiding := [gap for gap in inputs.gaps if gap.hides(change.kind, {desired.name})]:
            yield error(
                "list-incomplete",
                f"{change.address}: a {noun} named {desired.name!r} may exist already, because the list of {noun}s is incomplete",
                detail="; ".join(map(str, hiding)),
                hint=f"run the command again. If the finding stays, check in the console that no {noun} has this name, then use --allow list-incomplete",
                source=desired.source,
                address=change.address,
            )


def _unmanaged_by_base_name(inputs: PlanInput) -> dict[tuple[str, str], list[Live]]:
    """Returns the servers that no address holds and whose names still have a marker of this state, by kind and the name
    before the marker.
    """
    unmanaged: dict[tuple[str, str], list[Live]] = {}
    state = inputs.state
    free = find_untracked(inputs.live.values(), state.resources.values()) if state else ()
    for row in (row for row in free if row.id not in inputs.claims):
        if state and (base := strip_marker(row.name, lineage=state.lineage)) is not None:
            unmanaged.setdefault((row.kind, base), []).append(row)
    return unmanaged


def lookalike_name_warnings(changes: Iterable[Change], inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Warns about a listed name that reads like one to be bought and is another. Servers that this state or another one
    may hold are left out.
    """
    held = {recorded.id for recorded in inputs.state.resources.values()} if inputs.state else set()
    confusable = [
        row
        for row in inputs.live.values()
        if may_be_confusable(row.name) and row.id not in held and row.id not in inputs.claims
    ]
    for change in changes if confusable else ():
        if change.action is not Action.CREATE or change.desired is None:
            continue
        for row in confusable:
            if row.kind == change.kind and look_alike(row.name, change.desired.name):
                yield warning(
                    "name-alike",
                    f"a {catalogue[row.kind].noun} is listed under {row.name!a}, which looks like {change.desired.name!r} but is another name ({row.id}, {row.status})",
                    hint=f"if it is the same one: `provisioner import {change.address.shell_quoted} {row.id}`; otherwise do nothing",
                    source=change.desired.source,
                    address=change.address,
                )


def _untracked_error(change: Change, desired: Desired, row: Live, intent: Intent | None, kind: Kind) -> Diagnostic:
    """Refuses to buy where an earlier purchase seems to have made the server already. A server of a known purchase is
    adopted by resolving that purchase; one that only its marker identifies is imported.
    """
    summary, take = (
        describe_unmanaged(row, kind),
        f"`provisioner import {change.address.shell_quoted} {row.id}` takes it over",
    )
    if intent is not None and change.address in intent.addresses:
        summary, take = describe_late_purchase(intent, row, kind), f"{adopt_command(intent, row)} goes on with it"
    return error(
        "untracked",
        summary,
        detail="buying another one would pay for both",
        hint=f"{take}; if it is not yours, have it renamed",
        source=desired.source,
        address=change.address,
    )


def name_in_doubt(plan: Plan, inputs: PlanInput, _catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Refuses a name under which a purchase in doubt may still appear, so that no other address buys it."""
    purchases = inputs.state.purchases_in_doubt if inputs.state else ()
    awaited = {(intent.kind, name): address for intent in purchases for name, address in intent.names.items()}
    for change, desired in _changes_taking_a_name(plan):
        if (address := awaited.get((change.kind, desired.name))) is not None:
            yield error(
                "name-in-doubt",
                f"{address}, whose purchase is in doubt, has the name {desired.name!r}",
                hint=f"choose another name, or keep the address {address} in the specs until the outcome is known",
                source=desired.source,
                address=change.address,
            )


def _changes_taking_a_name(plan: Plan) -> Iterator[tuple[Change, Desired]]:
    """Yields the changes that would make a server with the desired name: purchases and renames."""
    for change in plan.changes if plan.mode is Mode.APPLY else ():
        renamed = change.action in {Action.UPDATE, Action.REINSTALL, Action.ADOPT} and any(
            item.path == ("name",) for item in change.fields
        )
        if change.desired is not None and (renamed or change.action in {Action.CREATE, Action.REPLACE}):
            yield change, change.desired


def replaced_in_doubt(plan: Plan, inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Refuses to replace a server whose purchase is in doubt: it can neither be released nor bought again."""
    for change in plan.changes:
        if change.reason is Reason.IN_DOUBT and change.address in inputs.replace:
            yield error(
                "replace-in-doubt",
                f"{change.address} cannot be replaced while its purchase is in doubt",
                hint=f"run `provisioner apply` without --replace: it looks for the {catalogue[change.kind].noun}; then replace it",
                source=change.desired.source if change.desired else None,
                address=change.address,
            )


GUARDS: tuple[Guard, ...] = (
    no_state,
    state_elsewhere,
    state_replaced,
    name_taken,
    list_incomplete,
    name_in_doubt,
    protected,
    protected_in_doubt,
    replaced_in_doubt,
    prepaid_replacement,
    shared_order,
    split_order,
    unavailable,
    prepaid_delete,
    term_ended,
    unknown_status,
    mass_change,
    max_servers,
    charging_mismatch,
    open_order,
    vanished,
    held_twice,
)
