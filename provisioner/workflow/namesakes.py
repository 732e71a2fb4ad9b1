"""Looks once more after a run has bought servers: whether others of the same names have appeared.

Names are checked right before a purchase, but a list shows a new server late. Two runs with a state each that begin within that time both
buy, and only a list that is read afterwards shows it (docs/decisions/0034).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from provisioner import planning
from provisioner.applying import OtherStatesPort, read_lists
from provisioner.cloud import Cloud
from provisioner.model.address import Address
from provisioner.model.diagnostic import Diagnostic, StoreError, warning
from provisioner.model.flow import CallFailed, PartialListing
from provisioner.model.kind import Catalogue
from provisioner.model.list_gap import ListGap
from provisioner.model.plan import Plan
from provisioner.model.resource import Live, Recorded
from provisioner.model.state import State

_LONGEST_LOOK: Final = 60.0
"""Seconds. Nobody waits longer for a look that the next plan takes anyway."""


async def look_for_namesakes(
    cloud: Cloud, plan: Plan, state: State, catalogue: Catalogue, other_states: OtherStatesPort
) -> tuple[Diagnostic, ...]:
    """Returns an error for each namesake of a server that `plan` has bought. Reads the list once, and only where it has bought something.

    A list that cannot be read, or not whole, makes a warning and nothing else.
    """
    bought = planning.bought_records(plan, state)
    if not bought:
        return ()
    gaps: tuple[ListGap, ...] = ()
    try:
        async with asyncio.timeout(_LONGEST_LOOK), cloud.channel() as channel:
            live = await read_lists([catalogue[name] for name in sorted(_kinds(bought))], channel)
    except PartialListing as partial:
        live, gaps = {row.id: row for row in partial.rows}, partial.gaps
    except CallFailed as failed:
        return (_unread_warning(bought, failed.message),)
    except TimeoutError:
        return (_unread_warning(bought, f"no complete list came within {_LONGEST_LOOK:.0f} seconds"),)
    try:
        found = tuple(
            planning.find_namesakes(bought, state, live, catalogue, claims=_claims(bought, live, other_states))
        )
    except StoreError as failure:
        return (_unread_warning(bought, failure.diagnostics[0].summary),)
    hiding = [gap for gap in gaps if any(gap.hides(one.kind, {one.name}) for one in bought.values())]
    return (*found, _unread_warning(bought, "; ".join(map(str, hiding)))) if hiding else found


def _kinds(bought: Mapping[Address, Recorded]) -> set[str]:
    return {recorded.kind for recorded in bought.values()}


def _claims(
    bought: Mapping[Address, Recorded], live: Mapping[str, Live], other_states: OtherStatesPort
) -> frozenset[str]:
    """Returns the ids of namesakes that another state of the folder holds. A state that cannot be read hides no double purchase."""
    names = {(recorded.kind, recorded.name) for recorded in bought.values()}
    rows = [row for row in live.values() if (row.kind, row.name) in names]
    held = other_states(rows, readable_only=True) if rows else ()
    return frozenset(row.id for row in rows if row.id in held)


def _unread_warning(bought: Mapping[Address, Recorded], why: str) -> Diagnostic:
    what = str(next(iter(bought))) if len(bought) == 1 else f"one of the {len(bought)}"
    return warning(
        "namesake-unread",
        f"nobody knows whether somebody else has bought a server with the name of {what} at the same time: the list could not be read again, or not completely",
        detail=why,
        hint="everything that was bought is recorded. `provisioner plan` looks again and names such a server",
    )
