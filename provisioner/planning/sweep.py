"""Servers that are ours, or look like it, and stand in no state: what a lost purchase may have left, found again.

Nothing here is bought, adopted or released: each finding names the command with which a person mends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from provisioner.model.address import Address
from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.doubt import untracked
from provisioner.model.kind import Catalogue
from provisioner.model.marker import is_marked
from provisioner.model.resource import Live, Recorded
from provisioner.model.sharing import surplus
from provisioner.model.state import Intent, State
from provisioner.planning.survey import Survey

_LONGEST_ON_ITS_WAY: Final = 60 * 60 * 1000
"""Milliseconds after which an alike server of another name is somebody else's."""


def sweep(survey: Survey, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """What an open purchase may be is told with its doubt, so it is left out here."""
    state = survey.state
    if state is None or survey.at_work:
        return
    free = sorted(untracked(survey.live.values(), state.resources.values()), key=lambda row: row.id)
    awaited = {row.id for doubt in state.purchases_in_doubt for row in catalogue[doubt.kind].match(doubt, free)}
    late = _late(state, free, catalogue)
    names = {recorded.name: address for address, recorded in state.resources.items()}
    yield from (_beyond_its_order(row, state) for row in surplus(state.resources.values(), survey.live.values()))
    for row in free:
        if row.id in awaited:
            continue
        if (address := state.released.get(row.id)) is not None:
            yield _not_gone(row, address, vacant=address not in state.resources)
        elif (intent := late.get(row.id)) is not None:
            yield _appeared(row, intent, state)
        elif is_marked(row.name, lineage=state.lineage):
            yield _untracked(row)
        elif (address := names.get(row.name)) is not None:
            yield _namesake(row, address)


def _late(state: State, free: Iterable[Live], catalogue: Catalogue) -> Mapping[str, Intent]:
    """By id: what was believed never to have been bought, and shows after all; if need be under another name, where it was made soon
    after the request.
    """
    rows = tuple(free)
    late: dict[str, Intent] = {}
    for intent in state.absent.values():
        kind = catalogue[intent.kind]
        soon = (row for row in kind.resembles(intent, rows) if _is_soon_after(intent, row))
        late |= {row.id: intent for row in soon if row.id not in late}
    for intent in state.absent.values():
        late |= {row.id: intent for row in catalogue[intent.kind].match(intent, rows)}
    return late


def _is_soon_after(intent: Intent, row: Live) -> bool:
    return row.created_at is not None and row.created_at <= intent.server_time + _LONGEST_ON_ITS_WAY


def _appeared(row: Live, intent: Intent, state: State) -> Diagnostic:
    taken = [address for address in intent.addresses if address in state.resources]
    found = row.order_id if intent.members else row.id
    mend = f"`provisioner resolve {intent.address.typed} --adopt {found}`" if not taken else "release it in the console"
    again = ", ".join(
        f"{address} was bought again since, as {_known_as(state.resources[address])}" for address in taken
    )
    return warning(
        "bought-twice" if taken else "untracked",
        f"{intent.whose}: server {row.id} ({row.name}, {row.status}) fits a purchase that was believed never carried out",
        detail=again,
        hint=f"look whether it is yours: {mend}",
        address=intent.address,
    )


def _known_as(recorded: Recorded) -> str:
    return recorded.id or f"order {recorded.order_id}"


def _beyond_its_order(row: Live, state: State) -> Diagnostic:
    sharing = ", ".join(str(key) for key, one in sorted(state.resources.items()) if one.order_id == row.order_id)
    return warning(
        "untracked",
        f"server {row.id} ({row.name}, {row.status}) is of order {row.order_id}, as {sharing} is, and no address holds it",
        hint="look at the order in the console: releasing a server by billing ends the whole order",
    )


def _not_gone(row: Live, address: Address, *, vacant: bool) -> Diagnostic:
    """A release that failed late: it was gone from the lists and its own answer, and is back."""
    take = f"take it back (`provisioner import {address.typed} {row.id}`) and destroy it, or " if vacant else ""
    return warning(
        "not-released",
        f"server {row.id} ({row.name}, {row.status}), which was released from {address} and had gone, is there again",
        detail="what is there is paid for",
        hint=f"look at it in the console: {take}release it there",
        address=address,
    )


def _untracked(row: Live) -> Diagnostic:
    return warning(
        "untracked",
        f"server {row.id} ({row.name}, {row.status}) was bought from this state and no address holds it",
        hint="if its address is vacant, a plan that wants it says how to adopt it; else release it in the console",
    )


def _namesake(row: Live, address: Address) -> Diagnostic:
    return warning(
        "namesake",
        f"server {row.id} ({row.status}) bears the name {row.name!r} of {address} and is in no state",
        hint="if nobody owns it, it was bought twice: release it in the console; else have one of the two renamed",
        address=address,
    )
