"""A scripted cloud that may carry out a request minutes after its reply was lost, and list the server later still."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from support.scripted_cloud import ScriptedCloud
from support.scripted_server import Server
from support.scripted_wire import Fault

from provisioner.model.flow import Call, CallFailed, Effect, Outcome

MINUTE = 60.0


class Delivery(Enum):
    """What happens to a request that is sent once."""

    NOT_SENT = "not sent"
    TURNED_AWAY = "turned away by the gateway"
    REFUSED = "refused"
    ANSWERED = "answered"
    REPLY_LOST = "carried out, reply lost"
    LATE = "carried out late, reply lost"
    NEVER = "lost"


_OUTCOMES = {
    Delivery.NOT_SENT: Outcome.NOT_SENT,
    Delivery.TURNED_AWAY: Outcome.THROTTLED,
    Delivery.REFUSED: Outcome.REFUSED,
    Delivery.REPLY_LOST: Outcome.UNKNOWN,
    Delivery.LATE: Outcome.UNKNOWN,
    Delivery.NEVER: Outcome.UNKNOWN,
}


@dataclass
class LateCloud(ScriptedCloud):
    """Neither lists nor single reads show a server younger than `listed_after` seconds."""

    execution_delay: float = 0.0
    """After how many seconds a request with the delivery LATE is carried out."""
    _late_requests: list[tuple[float, Call]] = field(default_factory=list)
    _late: set[Effect] = field(default_factory=set)

    @property
    def is_idle(self) -> bool:
        """Whether no late request is left, and every server is old enough to be listed."""
        youngest = max((one.created_at for one in self.servers.values()), default=0.0)
        return not self._late_requests and self.clock.time >= youngest + self.listed_after

    def schedule(self, effect: Effect, delivery: Delivery) -> None:
        """Sets what happens to the next call of this effect."""
        if delivery is Delivery.LATE:
            self._late.add(effect)
        if (outcome := _OUTCOMES.get(delivery)) is not None:
            self.fails(effect, outcome, executed=delivery is Delivery.REPLY_LOST)

    def fault(self, call: Call) -> Fault | None:
        if call.effect in self._late:
            self._late.remove(call.effect)
            self._late_requests.append((self.clock.time + self.execution_delay, call))
        return super().fault(call)

    def execute_due(self) -> None:
        """Carries out the late requests that are due. Their servers are dated by the due time."""
        for due, call in [one for one in self._late_requests if one[0] <= self.clock.time]:
            self._late_requests.remove((due, call))
            before = set(self.servers)
            try:
                super().execute(call)
            except CallFailed:
                continue  # refused by then, because the order had been paid meanwhile
            for identifier in self.servers.keys() - before:
                self.servers[identifier].created_at = due

    def execute(self, call: Call) -> tuple[int, Any]:
        self.execute_due()
        return super().execute(call)

    def _find(self, identifier: str) -> Server | None:
        server = super()._find(identifier)
        return server if server and self.clock.time >= server.created_at + self.listed_after else None
