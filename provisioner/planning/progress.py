"""Determines how far a live server has come, by walking a flow of its kind without sending anything.

So no kind has to define a second time what its statuses mean. Pure.
"""

from __future__ import annotations

from provisioner.model.flow import Call, ChargingShown, Ended, EndsTerm, Flow, Remark, Remember, Wait
from provisioner.model.kind import Kind
from provisioner.model.purchase_policy import DEFAULT_POLICY
from provisioner.model.resource import Desired, Live, Phase, Recorded


def phase_reached(kind: Kind, desired: Desired, row: Live) -> Phase:
    """Returns the phase that the flow of a purchase reaches with `row`. It stays `creating` where the flow would wait
    for more, or send a call.
    """
    bought = Recorded(desired.address, kind.name, Phase.CREATING, declared={}, id=row.id, order_id=row.order_id)
    return _walk(kind.create(desired, bought, DEFAULT_POLICY), row, Phase.CREATING, polls=1)[0]


def reinstallation_reached(kind: Kind, recorded: Recorded, row: Live, *, polls: int) -> Phase:
    """Returns the phase that a server reaches with `row` whose reinstallation was asked for, as `phase_reached` does;
    `failed` where the flow ends with a problem.

    `polls` is how often it was looked at: some statuses count only when they stay.
    """
    desired = Desired(recorded.address, kind.name, {"name": row.name})
    flow = kind.update(desired, recorded, frozenset(), DEFAULT_POLICY)
    phase, ended = _walk(flow, row, Phase.REINSTALLING, polls=polls)
    return Phase.FAILED if ended is not None and ended.problem else phase


def _walk(flow: Flow, row: Live, phase: Phase, *, polls: int) -> tuple[Phase, Ended | None]:
    answer: Live | None = None
    try:
        while True:
            step = flow.send(answer)
            answer = None
            match step:
                case Wait() if step.settled(row) or (step.max_polls is not None and polls >= step.max_polls):
                    answer = row
                case Remember(phase=phase):
                    pass
                case Remark() | ChargingShown():
                    pass
                case Wait() | Call() | EndsTerm():
                    return phase, None
    except StopIteration as stop:
        return phase, stop.value
    finally:
        flow.close()
