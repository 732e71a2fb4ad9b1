"""What every driver of a run shares, gathered so that it is passed as one thing, and the cloud's clock among it."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.applying.claims import Claims
from provisioner.applying.interruption import Interruption
from provisioner.applying.poll import Poll
from provisioner.applying.pool import ChannelPool
from provisioner.applying.ports import Clock, Secrets
from provisioner.applying.scribe import Scribe
from provisioner.model.event import Listener
from provisioner.model.flow import Reply
from provisioner.model.purchasing import PurchasePolicy


class ServerClock:
    """The cloud's time as its latest Date header told it, carried on by our own clock.

    `ahead` is what was known of it before: milliseconds by which it is before ours.
    """

    def __init__(self, clock: Clock, *, ahead: int = 0) -> None:
        self._clock = clock
        self._ahead = ahead

    def hear(self, reply: Reply) -> None:
        if reply.server_time is not None:
            self._ahead = reply.server_time - self._clock.now()

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return self._clock.now() + self._ahead


@dataclass(frozen=True, slots=True)
class Workshop:
    """`who` is written into every intent: user@host, process."""

    scribe: Scribe
    pool: ChannelPool
    claims: Claims
    poll: Poll
    secrets: Secrets
    clock: Clock
    server_clock: ServerClock
    interruption: Interruption
    listen: Listener
    who: str
    lineage: str
    policy: PurchasePolicy
