"""Returns the records as the next apply makes them before it plans: the outcome of an open call that is no purchase is
read from the cloud, and the call is not sent again.

A plan that did not look ahead would report a server as vanished that we have released ourselves. applying/recovery.py
carries out the same rules and journals them. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from provisioner.model.address import Address
from provisioner.model.flow import Effect
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.outcome import with_unanswered_reinstallation
from provisioner.model.resource import Live, Phase, Recorded
from provisioner.model.shared_orders import find_siblings
from provisioner.model.state import Intent, State
from provisioner.planning.plan_input import PlanInput


def settled_records(inputs: PlanInput, catalogue: Catalogue) -> Mapping[Address, Recorded]:
    """Returns the settled records by address. A reinstallation whose answer was lost counts as carried out, and is not
    sent again. A release whose answer was lost has happened where its server is not listed; while the run that sent it
    is alive, this proves nothing.
    """
    state, live = inputs.state, inputs.live
    if state is None:
        return {}
    records = dict(state.resources)
    for intent in state.unsettled:
        recorded = records.get(intent.address)
        if recorded is None or intent.target_id is None or recorded.id != intent.target_id:
            continue
        if intent.effect is Effect.WIPE:
            row, kind = live.get(intent.target_id), catalogue[intent.kind]
            records[intent.address] = with_unanswered_reinstallation(recorded, intent, row, kind)
        elif intent.effect is Effect.DESTRUCTIVE and not inputs.at_work and not is_hidden(intent, inputs):
            _settle_release(recorded, records, state, live, catalogue[intent.kind])
    return records


def is_hidden(intent: Intent, inputs: PlanInput) -> bool:
    """Whether another user sent the release and the list may leave out that user's servers. It does not matter where no
    record has the server.
    """
    records = inputs.state.resources.values() if inputs.state else ()
    return (
        intent.effect is Effect.DESTRUCTIVE
        and intent.target_id not in inputs.live
        and any(record.id == intent.target_id for record in records)
        and any(gap.hides_from(inputs.reader, kind=intent.kind, sender=intent.sender) for gap in inputs.gaps)
    )


def _settle_release(
    recorded: Recorded, records: dict[Address, Recorded], state: State, live: Mapping[str, Live], kind: Kind
) -> None:
    row = live.get(recorded.id or "")
    if row is not None:
        if row.status in kind.statuses.releasing:
            records[recorded.address] = replace(recorded, phase=Phase.DELETING)
        return
    del records[recorded.address]
    if kind.orders.ends_its_order(recorded, None) and recorded.phase is not Phase.FAILED:
        for other in find_siblings(recorded, state.resources.values()):
            if other.id not in live and other.address in records:
                records[other.address] = replace(records[other.address], phase=Phase.DELETING)


def describe_open_call(intent: Intent, row: Live | None, kind: Kind) -> str:
    """Describes what is known of an open call that is no purchase, and what the next apply makes of it."""
    if intent.effect.targets_order:
        return f"its order {intent.target_id} shows the outcome"
    listed = "not listed any more" if row is None else f"listed with status {row.status}"
    if intent.effect is Effect.WIPE:
        return f"its {kind.noun} is {listed}: the call counts as carried out and is not sent again"
    if intent.target_id is None:
        return f"the request named no {kind.noun}"
    if row is None:
        return f"{kind.noun} {intent.target_id} is not listed any more: the next apply records it as released"
    then = "waits for that" if row.status in kind.statuses.releasing else "plans anew from that"
    return f"{kind.noun} {intent.target_id} is {listed}: the next apply {then}"
