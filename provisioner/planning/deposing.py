"""`lifecycle.create_before_destroy`: the old server keeps its place in the cloud, and a place in the state, until the new one is there.

While both exist the old one is recorded as deposed. It goes when its successor is done; it gets its address back when no successor
came to be (docs/decisions/0016). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from provisioner.model.address import Address
from provisioner.model.change import Action, Change, Mode, Reason
from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.kind import Catalogue
from provisioner.model.resource import Phase
from provisioner.model.turn import Turn
from provisioner.planning.survey import Survey
from provisioner.planning.waves import is_wrong


@dataclass(frozen=True, slots=True)
class Deposed:
    changes: tuple[Change, ...]
    turns: tuple[Turn, ...]
    findings: tuple[Diagnostic, ...]


def vacancies(survey: Survey, mode: Mode) -> Mapping[Address, Address]:
    """By address, the deposed one whose server gets it back: nothing was bought in its place, or is in doubt to have been."""
    state = survey.state
    if state is None or mode is not Mode.APPLY:
        return {}
    wanted = {desired.address for desired in survey.desired}
    deposed = [address for address in state.resources if address.deposed and address.successor in wanted]
    open_calls = {address for intent in state.intents.values() for address in intent.addresses}
    return {
        address.successor: address
        for address in deposed
        if address.successor not in state.resources and not open_calls & {address, address.successor}
    }


def create_first(changes: Iterable[Change], survey: Survey) -> tuple[Change, ...]:
    """The replacements that are to buy before they release. While one is deposed already, there is no place for another: it serves on
    until the replacement, in the usual order, is done.
    """
    held = survey.state.resources if survey.state else {}
    return tuple(
        replace(change, create_first=True) if _may_create_first(change, held) else change for change in changes
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


def after_successors(changes: Sequence[Change], survey: Survey, catalogue: Catalogue) -> Deposed:
    """What is deposed is released after its successor's way has ended well, and kept where that is in a bad way."""
    by_address = {change.address: change for change in changes}
    turns: list[Turn] = []
    findings: list[Diagnostic] = []
    kept: set[Address] = set()
    for change in changes:
        successor = by_address.get(change.address.successor) if change.reason is Reason.DEPOSED else None
        if successor is None or change.action is not Action.DELETE:
            continue
        if successor.reason is Reason.HELD_BACK or is_wrong(successor, survey, catalogue):
            kept.add(change.address)
            findings.append(_kept(change, successor))
        elif successor.action is not Action.NO_OP:
            what = f"the release of the server that {successor.address} replaces"
            turns.append(Turn((change.address,), (successor.address,), what))
    held_back = (
        replace(change, action=Action.NO_OP, reason=Reason.HELD_BACK) if change.address in kept else change
        for change in changes
    )
    return Deposed(tuple(held_back), tuple(turns), tuple(findings))


def _kept(change: Change, successor: Change) -> Diagnostic:
    identifier = change.recorded.id if change.recorded else None
    return warning(
        "deposed-kept",
        f"{change.address}: server {identifier} is kept, because {successor.address}, which was to take its place, is not well",
        hint=f"`apply --replace '{successor.address}'` buys another; the old one is released when that runs",
        address=change.address,
    )
