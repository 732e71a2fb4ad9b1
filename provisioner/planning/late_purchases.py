"""Purchases that were believed never carried out, and the servers that they have become after all.

Under a marker the server is nobody else's, and the next apply adopts it where its address is vacant: for a plan, such a purchase is in
doubt again. Any other that fits is for a person to judge (docs/decisions/0008).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from provisioner.model.doubt import presumed_absent, quiet_until, untracked
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.resource import Live
from provisioner.model.state import Intent, State, is_plausible_time
from provisioner.planning.plan_input import PlanInput

_REPORT_PERIOD: Final = 24 * 60 * 60 * 1000
"""Milliseconds since the request."""


def reopen_late_purchases(inputs: PlanInput, catalogue: Catalogue) -> PlanInput:
    """With those in doubt again that the next apply adopts: their addresses are neither bought nor forgotten meanwhile."""
    state = inputs.state
    if state is None or inputs.at_work or not state.absent:
        return inputs
    free = untracked(inputs.live.values(), state.resources.values())
    found: dict[str, Intent] = {}
    for intent in presumed_absent(state):
        fitting = [row for row in catalogue[intent.kind].match(intent, free) if row.id not in inputs.claims]
        hidden = any(gap.hides(intent.kind, {intent.name, *intent.names}) for gap in inputs.gaps)
        if len(fitting) == 1 and not hidden and not any(one.address == intent.address for one in found.values()):
            free.remove(fitting[0])
            found[intent.id] = intent
    return replace(inputs, state=replace(state, intents={**state.intents, **found})) if found else inputs


def find_late_purchases(state: State, free: Iterable[Live], catalogue: Catalogue) -> Mapping[str, Intent]:
    """By id: what was believed never to have been bought, and shows after all."""
    rows = tuple(free)
    return {row.id: intent for intent in state.absent.values() for row in catalogue[intent.kind].match(intent, rows)}


def find_possible_purchases(
    inputs: PlanInput, state: State, free: Iterable[Live], catalogue: Catalogue
) -> Mapping[str, Intent]:
    """By id: what it may have become under another name. Whose it is nobody can tell, so it is told for a day, of servers that were made
    while the request may have been on its way, and of none that another state holds.
    """
    rows = [row for row in free if row.id not in inputs.claims]
    return {
        row.id: intent
        for intent in state.absent.values()
        if inputs.server_time is not None and inputs.server_time < intent.server_time + _REPORT_PERIOD
        for row in catalogue[intent.kind].match_similar(intent, rows)
        if _may_result_from(row, intent, quiet_until(intent, inputs.policy))
    }


def _may_result_from(row: Live, intent: Intent, last: int) -> bool:
    """A time that cannot be true rules nothing out, of an id that no list showed before."""
    if row.created_at is not None and is_plausible_time(row.created_at):
        return row.created_at <= last
    return intent.all_listed


def adopt_command(intent: Intent, row: Live, more: str = "") -> str:
    """The one command that takes it on record, of a purchase whose addresses are vacant."""
    return f"`provisioner resolve {intent.address.shell_quoted} --adopt {row.order_id if intent.members else row.id}{more}`"


def describe_late_purchase(intent: Intent, row: Live, kind: Kind) -> str:
    """What warnings and refusals say alike of it."""
    return f"{intent.address_list}: {kind.noun} {row.id} ({row.name}, {row.status}) fits a purchase that was believed never carried out"


def describe_unmanaged(row: Live, kind: Kind) -> str:
    """The same of one that its marker alone tells."""
    return f"{kind.noun} {row.id} ({row.name}, {row.status}) was bought from this state and no address holds it"
