"""Finds the servers of purchases that were presumed absent and were carried out after all.

A server with a marker of this state belongs to nobody else, and the next apply adopts it where its address is vacant:
for a plan, such a purchase is in doubt again. Any other server that fits is for a person to judge
(docs/decisions/0008).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from provisioner.model.doubt import find_untracked, presumed_absent, quiet_until
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.resource import Live
from provisioner.model.state import Intent, State, is_plausible_time
from provisioner.planning.plan_input import PlanInput

_REPORT_PERIOD: Final = 24 * 60 * 60 * 1000
"""How long after its request a possible purchase is reported, in milliseconds."""


def reopen_late_purchases(inputs: PlanInput, catalogue: Catalogue) -> PlanInput:
    """Puts the purchases that the next apply adopts in doubt again, so that their addresses are neither bought nor
    forgotten meanwhile.
    """
    state = inputs.state
    if state is None or inputs.at_work or not state.absent:
        return inputs
    free = find_untracked(inputs.live.values(), state.resources.values())
    found: dict[str, Intent] = {}
    for intent in presumed_absent(state):
        fitting = [row for row in catalogue[intent.kind].match(intent, free) if row.id not in inputs.claims]
        hidden = any(gap.hides(intent.kind, {intent.name, *intent.names}) for gap in inputs.gaps)
        if len(fitting) == 1 and not hidden and not any(one.address == intent.address for one in found.values()):
            free.remove(fitting[0])
            found[intent.id] = intent
    return replace(inputs, state=replace(state, intents={**state.intents, **found})) if found else inputs


def find_late_purchases(state: State, free: Iterable[Live], catalogue: Catalogue) -> Mapping[str, Intent]:
    """Returns, by server id, the purchases that were presumed absent and whose server is listed after all."""
    rows = tuple(free)
    return {row.id: intent for intent in state.absent.values() for row in catalogue[intent.kind].match(intent, rows)}


def find_possible_purchases(
    inputs: PlanInput, state: State, free: Iterable[Live], catalogue: Catalogue
) -> Mapping[str, Intent]:
    """Returns, by server id, the purchases presumed absent that may have made that server under another name.

    Nobody can tell whose such a server is. So it is reported for a day after the request, only if it was made while the
    request may have been on its way, and never if another state may hold it.
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
    """Whether the row may result from the request. Where its creation time is missing or impossible, the list from
    before the request decides: a server that a complete list did not show may result from it.
    """
    if row.created_at is not None and is_plausible_time(row.created_at):
        return row.created_at <= last
    return intent.all_listed


def adopt_command(intent: Intent, row: Live, more: str = "") -> str:
    """Returns the command that records the server, for a purchase whose addresses are vacant."""
    return f"`provisioner resolve {intent.address.shell_quoted} --adopt {row.order_id if intent.members else row.id}{more}`"


def describe_late_purchase(intent: Intent, row: Live, kind: Kind) -> str:
    """Returns the summary that warnings and refusals share for the server of a purchase presumed absent."""
    return f"{intent.address_list}: {kind.noun} {row.id} ({row.name}, {row.status}) fits a purchase that counted as never carried out"


def describe_unmanaged(row: Live, kind: Kind) -> str:
    """Returns the summary that warnings and refusals share for a server that only its marker identifies."""
    return f"{kind.noun} {row.id} ({row.name}, {row.status}) was bought from this state, and no address holds it"
