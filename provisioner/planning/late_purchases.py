"""Purchases that were believed never carried out, and the servers that they have become after all.

Under a marker the server is nobody else's, and the next apply adopts it where its address is vacant: for a plan, such a purchase is in
doubt again. Any other that fits is for a person to judge (docs/decisions/0008).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from provisioner.model.doubt import ghosts, untracked
from provisioner.model.kind import Catalogue
from provisioner.model.resource import Live
from provisioner.model.state import Intent, State
from provisioner.planning.survey import Survey

_LONGEST_ON_ITS_WAY: Final = 60 * 60 * 1000
"""Milliseconds after which an alike server of another name is somebody else's."""


def reopened(survey: Survey, catalogue: Catalogue) -> Survey:
    """With those in doubt again that the next apply adopts: their addresses are neither bought nor forgotten meanwhile."""
    state = survey.state
    if state is None or survey.at_work or not state.absent:
        return survey
    free = untracked(survey.live.values(), state.resources.values())
    found: dict[str, Intent] = {}
    for intent in ghosts(state):
        fitting = [row for row in catalogue[intent.kind].match(intent, free) if row.id not in survey.elsewhere]
        hidden = any(gap.hides({intent.name, *intent.names}) for gap in survey.gaps)
        if len(fitting) == 1 and not hidden and not any(one.address == intent.address for one in found.values()):
            free.remove(fitting[0])
            found[intent.id] = intent
    return replace(survey, state=replace(state, intents={**state.intents, **found})) if found else survey


def late(state: State, free: Iterable[Live], catalogue: Catalogue) -> Mapping[str, Intent]:
    """By id: what was believed never to have been bought, and shows after all; if need be under another name, where it was made soon
    after the request.
    """
    rows = tuple(free)
    found: dict[str, Intent] = {}
    for intent in state.absent.values():
        kind = catalogue[intent.kind]
        soon = (row for row in kind.resembles(intent, rows) if _is_soon_after(intent, row))
        found |= {row.id: intent for row in soon if row.id not in found}
    for intent in state.absent.values():
        found |= {row.id: intent for row in catalogue[intent.kind].match(intent, rows)}
    return found


def way_back(intent: Intent, row: Live) -> str:
    """The one command that takes it on record, of a purchase whose addresses are vacant."""
    return f"`provisioner resolve {intent.address.typed} --adopt {row.order_id if intent.members else row.id}`"


def appeared(intent: Intent, row: Live) -> str:
    """What warnings and refusals say alike of it."""
    return f"{intent.whose}: server {row.id} ({row.name}, {row.status}) fits a purchase that was believed never carried out"


def astray(row: Live) -> str:
    """The same of one that its marker alone tells."""
    return f"server {row.id} ({row.name}, {row.status}) was bought from this state and no address holds it"


def _is_soon_after(intent: Intent, row: Live) -> bool:
    return row.created_at is not None and row.created_at <= intent.server_time + _LONGEST_ON_ITS_WAY
