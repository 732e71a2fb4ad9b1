"""Determines how far a live server has come, by walking its kind's create flow without sending anything.

So no kind has to define a second time what its statuses mean. Pure.
"""

from __future__ import annotations

from provisioner.model.flow import Call, ChargingShown, EndsTerm, Remark, Remember, Wait
from provisioner.model.kind import Kind
from provisioner.model.purchase_policy import DEFAULT_POLICY
from provisioner.model.resource import Desired, Live, Phase, Recorded


def phase_reached(kind: Kind, desired: Desired, row: Live) -> Phase:
    """Returns the phase that the flow reaches with `row`. It stays `creating` where the flow would wait for more, or
    send a call.
    """
    bought = Recorded(desired.address, kind.name, Phase.CREATING, declared={}, id=row.id, order_id=row.order_id)
    flow = kind.create(desired, bought, DEFAULT_POLICY)
    answer: Live | None = None
    phase = Phase.CREATING
    try:
        while True:
            step = flow.send(answer)
            answer = None
            match step:
                case Wait(settled=settled) if settled(row):
                    answer = row
                case Remember(phase=phase):
                    pass
                case Remark() | ChargingShown():
                    pass
                case Wait() | Call() | EndsTerm():
                    return phase
    except StopIteration:
        return phase
    finally:
        flow.close()
