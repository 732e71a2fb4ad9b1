"""What every driver of a run shares, gathered so that it is passed as one thing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from provisioner.applying.claims import Claims
from provisioner.applying.first_purchases import FirstPurchases
from provisioner.applying.interruption import Interruption
from provisioner.applying.names import Names
from provisioner.applying.order_guard import EndGuard
from provisioner.applying.poll import Poll
from provisioner.applying.pool import ChannelPool
from provisioner.applying.ports import Clock, Elsewhere, Secrets
from provisioner.applying.scribe import Scribe
from provisioner.model.change import Mode
from provisioner.model.event import Listener
from provisioner.model.purchasing import PurchasePolicy


@dataclass(frozen=True, slots=True)
class Workshop:
    """`who` is written into every intent: user@host, and `sender`: whom the cloud takes us for. `server_time` is the cloud's, in
    milliseconds since the epoch.
    """

    scribe: Scribe
    pool: ChannelPool
    claims: Claims
    names: Names
    first_purchases: FirstPurchases
    poll: Poll
    secrets: Secrets
    clock: Clock
    server_time: Callable[[], int]
    interruption: Interruption
    listen: Listener
    who: str
    sender: str
    mode: Mode
    lineage: str
    policy: PurchasePolicy
    elsewhere: Elsewhere
    ends: EndGuard
    listed: frozenset[str]
    """The ids of all servers that were listed before the run bought anything."""
