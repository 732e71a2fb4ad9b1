"""A scripted cloud that takes its time: it may carry a request out minutes after its reply was lost, and show a server later still."""

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
    """What becomes of a request that is sent once."""

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
    """Neither the list nor a single look shows a server younger than `listed_after` seconds."""

    landing: float = 0.0
    """Seconds by which the late are late."""
    _landings: list[tuple[float, Call]] = field(default_factory=list)
    _late: set[Effect] = field(default_factory=set)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is yet to land, and nobody is younger than the list."""
        youngest = max((one.created_at for one in self.servers.values()), default=0.0)
        return not self._landings and self.clock.time >= youngest + self.listed_after

    def will(self, effect: Effect, happening: Delivery) -> None:
        """This happens to the next call of this effect."""
        if happening is Delivery.LATE:
            self._late.add(effect)
        if (outcome := _OUTCOMES.get(happening)) is not None:
            self.fails(effect, outcome, executed=happening is Delivery.REPLY_LOST)

    def fault(self, call: Call) -> Fault | None:
        if call.effect in self._late:
            self._late.remove(call.effect)
            self._landings.append((self.clock.time + self.landing, call))
        return super().fault(call)

    def land(self) -> None:
        """Carries out what is due, as of the moment when it was."""
        for due, call in [one for one in self._landings if one[0] <= self.clock.time]:
            self._landings.remove((due, call))
            before = set(self.servers)
            try:
                super().execute(call)
            except CallFailed:
                continue  # refused then: the order had been paid meanwhile
            for identifier in self.servers.keys() - before:
                self.servers[identifier].created_at = due

    def execute(self, call: Call) -> tuple[int, Any]:
        self.land()
        return super().execute(call)

    def _find(self, identifier: str) -> Server | None:
        server = super()._find(identifier)
        return server if server and self.clock.time >= server.created_at + self.listed_after else None
