"""How far a live server has come, asked of its kind: the flow that would follow it to its end is walked without sending.

No kind has to say a second time which of its statuses mean what. Pure.
"""

from __future__ import annotations

from provisioner.model.flow import Call, EndsTerm, Remark, Remember, Sold, Wait
from provisioner.model.kind import Kind
from provisioner.model.purchase_policy import DEFAULT_POLICY
from provisioner.model.resource import Desired, Live, Phase, Recorded


def phase_reached(kind: Kind, desired: Desired, row: Live) -> Phase:
    """`creating` where the flow would wait for more than `row` shows, or would have to ask."""
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
                case Remark() | Sold():
                    pass
                case Wait() | Call() | EndsTerm():
                    return phase
    except StopIteration:
        return phase
    finally:
        flow.close()
