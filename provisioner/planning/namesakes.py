"""Finds the namesakes of servers that a run has bought: servers of the same name that no state here holds.

Two runs with a state each, such as two clones of a repository, both buy when neither lists yet what the other has bought. Afterwards
the lists show both servers. Pure.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping

from provisioner.model.action import Action, Reason
from provisioner.model.address import Address
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, error
from provisioner.model.doubt import find_untracked
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.plan import Mode, Plan
from provisioner.model.resource import BEING_BOUGHT, Live, Phase, Recorded
from provisioner.model.state import State, is_plausible_time
from provisioner.model.time_text import format_time


def bought_records(plan: Plan, state: State) -> dict[Address, Recorded]:
    """Returns the records of the servers that `plan` has bought, or whose purchase by an earlier run it has finished."""
    bought = (change.address for change in plan.work if plan.mode is Mode.APPLY and _is_purchase(change))
    return {address: state.resources[address] for address in bought if address in state.resources}


def find_namesakes(
    bought: Mapping[Address, Recorded],
    state: State,
    live: Mapping[str, Live],
    catalogue: Catalogue,
    *,
    claims: Container[str] = (),
) -> Iterator[Diagnostic]:
    """Yields an error for each live server that has the name of one of `bought` and that no address of `state` holds.

    `claims` are the ids that other states hold. What a purchase in doubt may have made is left to those who settle it, and what has been
    released is none.
    """
    by_name = {(recorded.kind, recorded.name): recorded for recorded in bought.values()}
    free = [
        row
        for row in find_untracked(live.values(), state.resources.values())
        if row.id not in claims and not _is_released(row, state, catalogue[row.kind])
    ]
    awaited = {row.id for doubt in state.purchases_in_doubt for row in catalogue[doubt.kind].match(doubt, free)}
    for row in sorted(free, key=lambda row: (row.name, row.id)):
        if row.id not in awaited and (recorded := by_name.get((row.kind, row.name))) is not None:
            yield _namesake_error(row, recorded, live.get(recorded.id or ""), catalogue[row.kind])


def _is_released(row: Live, state: State, kind: Kind) -> bool:
    """Returns whether the server is on its way out, such as the one that a replacement has released. A list shows it for a while."""
    return row.id in state.released or row.status in kind.statuses.releasing


def _is_purchase(change: Change) -> bool:
    if change.action in {Action.CREATE, Action.REPLACE}:
        return True
    is_under_way = change.recorded is not None and change.recorded.phase in BEING_BOUGHT
    return change.action is Action.RESUME and (is_under_way or change.reason is Reason.IN_DOUBT)


def _namesake_error(row: Live, recorded: Recorded, ours: Live | None, kind: Kind) -> Diagnostic:
    address, name = recorded.address, recorded.id or f"order {recorded.order_id}"
    is_order = recorded.phase in {Phase.ORDERING, Phase.AWAITING_PAYMENT}
    hint = (
        f"Most likely another clone of this repository, with a state of its own, has applied the same specs at the same time. Then release one of the two: {row.id} from there, or {name} from here (`provisioner destroy --target {address.shell_quoted}`), and "
        "apply from one place only. If it is somebody else's, have one of the two renamed."
    )
    if ours is None:
        hint += (
            f" The list does not show {name} yet: if {row.id} is all that was bought, `provisioner resolve {address.shell_quoted} --absent`, "
            f"then `provisioner import {address.shell_quoted} {row.id}`."
        )
    return error(
        "namesake",
        f"there are two {kind.noun}s named {row.name!r}: {name}, which was {'ordered' if is_order else 'bought'} for {address}, and {row.id} ({row.status}), which is in no "
        "state of this folder",
        detail=f"{name} was created {_moment(ours)}, {row.id} was created {_moment(row)}; {f'{row.id} costs' if is_order else 'both cost'} money",
        hint=hint,
        address=address,
    )


def _moment(row: Live | None) -> str:
    created = None if row is None else row.created_at
    return format_time(created) if created is not None and is_plausible_time(created) else "at an unknown time"
