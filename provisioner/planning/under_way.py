"""Determines what is under way, from the state and, where the cloud was asked, from its list. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from provisioner.model.address import Address
from provisioner.model.flow import Effect
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.resource import BEING_BOUGHT, Desired, Live, Phase, Recorded
from provisioner.model.shared_orders import find_by_order
from provisioner.model.state import State
from provisioner.model.under_way import ServerStage, ServerUnderWay
from provisioner.planning.progress import phase_reached, reinstallation_reached

_RECORDED = {
    Phase.ORDERING: ServerStage.ORDERED,
    Phase.AWAITING_PAYMENT: ServerStage.AWAITING_PAYMENT,
    Phase.CREATING: ServerStage.BUILDING,
    Phase.REINSTALLING: ServerStage.REINSTALLING,
    Phase.FAILED: ServerStage.FAILED,
    Phase.DELETING: ServerStage.RELEASING,
}
_REACHED = {**_RECORDED, Phase.READY: ServerStage.READY}


def under_way(
    state: State,
    live: Mapping[str, Live] | None,
    catalogue: Catalogue,
    *,
    since: Mapping[Address, int],
    polls: int = 1,
) -> tuple[ServerUnderWay, ...]:
    """Returns the servers that are recorded as under way or as failed, and those with an open call, by address.

    `live` holds the cloud's rows by id, read `polls` times so far, and is None where the cloud was not asked. A recorded
    id that is missing there is gone.
    """
    found = {one.address: one for one in _recorded(state, live, catalogue, since, polls)}
    for intent in (*state.unsettled, *state.purchases_in_doubt):  # a purchase in doubt comes last, and stays
        stage = ServerStage.IN_DOUBT if intent.effect is Effect.PURCHASE else ServerStage.UNSETTLED
        order_id = intent.target_id if intent.effect.targets_order else None
        id_ = None if intent.effect.targets_order else intent.target_id
        for address in intent.addresses:
            found[address] = ServerUnderWay(address, stage, intent.sent_at, id_, order_id)
    return tuple(found[address] for address in sorted(found))


def _recorded(
    state: State,
    live: Mapping[str, Live] | None,
    catalogue: Catalogue,
    since: Mapping[Address, int],
    polls: int,
) -> Iterator[ServerUnderWay]:
    records = state.resources.values()
    by_order = {} if live is None else find_by_order(records, live.values())
    for recorded in records:
        stage = _RECORDED.get(recorded.phase, ServerStage.UNFINISHED if recorded.pending else None)
        if stage is None:
            continue
        address, row = recorded.address, None
        if live is not None:
            row = live.get(recorded.id or "") or by_order.get(address)
            stage = _stage_shown(stage, recorded, row, catalogue[recorded.kind], polls)
        id_, order_id = (recorded.id, recorded.order_id) if row is None else (row.id, row.order_id or recorded.order_id)
        yield ServerUnderWay(address, stage, since.get(address), id_, order_id, "" if row is None else row.status)


def _stage_shown(stage: ServerStage, recorded: Recorded, row: Live | None, kind: Kind, polls: int) -> ServerStage:
    """Returns where the server stands by its row. A server that no list has shown yet may still appear."""
    if row is None:
        if recorded.phase is Phase.DELETING:
            return ServerStage.RELEASED
        is_gone = recorded.id is not None and bool(recorded.observed)
        return ServerStage.FAILED if is_gone else stage
    if recorded.phase in BEING_BOUGHT:
        return _REACHED[phase_reached(kind, Desired(recorded.address, kind.name, {"name": row.name}), row)]
    if recorded.phase is Phase.REINSTALLING:
        return _REACHED[reinstallation_reached(kind, recorded, row, polls=polls)]
    return stage
