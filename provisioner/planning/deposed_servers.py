"""Implements `lifecycle.create_before_destroy`: the old server stays in the cloud and in the state until the new one is
there.

While both exist, the old one is recorded as deposed. It is released when its successor is done, and gets its address
back where no successor came to be (docs/decisions/0016). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from provisioner.model.action import Action, Reason
from provisioner.model.address import Address
from provisioner.model.change import Change, NoOpChange, convert_to, evolve
from provisioner.model.dependency import Dependency, describe_release
from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.kind import Catalogue
from provisioner.model.plan import Mode
from provisioner.model.resource import Phase
from provisioner.model.shared_orders import group_by_order
from provisioner.planning.plan_input import PlanInput
from provisioner.planning.readiness import blocks_dependents


@dataclass(frozen=True, slots=True)
class DeposedSchedule:
    """The changes with the dependencies that release a deposed server after its successor."""

    changes: tuple[Change, ...]
    dependencies: tuple[Dependency, ...]
    findings: tuple[Diagnostic, ...]


def restorable_addresses(inputs: PlanInput, mode: Mode) -> Mapping[Address, Address]:
    """Returns the deposed address by the address that it gets back: no server is recorded there, and no open call may
    have bought one.
    """
    state = inputs.state
    if state is None or mode is not Mode.APPLY:
        return {}
    wanted = {desired.address for desired in inputs.desired}
    deposed = [address for address in state.resources if address.deposed and address.successor in wanted]
    open_calls = {address for intent in state.intents.values() for address in intent.addresses}
    return {
        address.successor: address
        for address in deposed
        if address.successor not in state.resources and not open_calls & {address, address.successor}
    }


def mark_create_first(changes: Iterable[Change], inputs: PlanInput) -> tuple[Change, ...]:
    """Marks the replacements that buy before they release.

    While an address has a deposed server already, there is no place for another. The deposed server stays until the
    replacement, in the usual order, is done. Replacements that share an order with one in the usual order are not
    marked: that release ends the order before their successors exist.
    """
    held = inputs.state.resources if inputs.state else {}
    whole = tuple(changes)
    first = {change.address for change in whole if _may_create_first(change, held)}
    in_usual_order = {
        change.recorded.order_id
        for change in whole
        if change.action is Action.REPLACE and change.address not in first and change.recorded is not None
    } - {None}
    return tuple(
        evolve(change, create_first=True)
        if change.address in first and change.recorded and change.recorded.order_id not in in_usual_order
        else change
        for change in whole
    )


def _may_create_first(change: Change, held: Mapping[Address, object]) -> bool:
    desired, recorded = change.desired, change.recorded
    return (
        change.action is Action.REPLACE
        and desired is not None
        and desired.lifecycle.create_before_destroy
        and recorded is not None
        and recorded.phase is not Phase.DELETING
        and change.address.as_deposed not in held
    )


def schedule_deposed_releases(changes: Sequence[Change], inputs: PlanInput, catalogue: Catalogue) -> DeposedSchedule:
    """Orders the releases of deposed servers after their successors, and keeps a deposed server whose successor has
    failed.

    Releasing a server ends its whole order. So no server of an order is released before all successors of that order
    are done, and no deposed one while any of those successors has failed.
    """
    by_address = {change.address: change for change in changes}
    dependencies: list[Dependency] = []
    findings: list[Diagnostic] = []
    kept: set[Address] = set()
    for releases in _releases_by_order(changes):
        deposed = [change for change in releases if change.reason is Reason.DEPOSED]
        replaced = (change for change in releases if change.create_first or change.reason is Reason.DEPOSED)
        successors = [by_address[change.address.successor] for change in replaced]
        failing = [one for one in successors if one.held or blocks_dependents(one, inputs, catalogue)]
        if failing:
            kept |= {change.address for change in deposed}
            findings += (_kept_warning(change, failing[0], catalogue[change.kind].noun) for change in deposed)
            continue
        released = tuple(change.address for change in releases if change.action is Action.DELETE)
        awaited = tuple(one.address for one in successors if one.action is not Action.NO_OP)
        if released and awaited:
            dependencies.append(Dependency(released, awaited, describe_release(awaited)))
    blocked = (
        convert_to(change, NoOpChange, reason=Reason.BLOCKED) if change.address in kept else change
        for change in changes
    )
    return DeposedSchedule(tuple(blocked), tuple(dependencies), tuple(findings))


def _releases_by_order(changes: Iterable[Change]) -> Iterator[Sequence[Change]]:
    """Yields the changes that release servers, grouped by order. Releases that have begun are left out: nothing delays
    those.
    """
    releases = {
        change.address: change
        for change in changes
        if change.recorded is not None
        and change.recorded.phase is not Phase.DELETING
        and (change.action is Action.DELETE or change.create_first)
    }
    for records in group_by_order(change.recorded for change in releases.values() if change.recorded):
        yield [releases[record.address] for record in records]


def _kept_warning(change: Change, successor: Change, noun: str) -> Diagnostic:
    identifier = change.recorded.id if change.recorded else None
    if successor.reason is Reason.BLOCKED:
        why, hint = " is held back", "the old one is released after the new one has had its turn"
    elif successor.held:
        why = f" does not show {', '.join('.'.join(path) for path in successor.held)} as declared"
        hint = f"decide what to do about {successor.address}, which is reported as unconfirmed; the next apply after that releases the old one"
    else:
        why = ", its replacement, is not in order"
        hint = f"`provisioner apply --replace {successor.address.shell_quoted}` buys another; the old one is released once the new one runs"
    return warning(
        "deposed-kept",
        f"{change.address}: {noun} {identifier} is kept, because {successor.address}{why}",
        hint=hint,
        address=change.address,
    )
