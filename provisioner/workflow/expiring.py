"""Finds the prepaid servers of this state whose paid term ends soon, from what billing shows now.

It takes no lock and writes nothing: only apply updates the terms in the state (docs/decisions/0011).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.event import Listener
from provisioner.model.flow import CallFailed, Service
from provisioner.model.resource import Recorded
from provisioner.model.term import Expiry
from provisioner.workflow.cloud_snapshot import check_identity
from provisioner.workflow.state_place import require_recorded
from provisioner.workflow.terms import prepaid
from provisioner.workflow.workspace import Workspace

if TYPE_CHECKING:
    from provisioner.cloud.subscriptions import Subscription


@dataclass(frozen=True, slots=True)
class ExpiringServers:
    """The prepaid servers whose term ends within the requested time.

    `shown` also has those that renew automatically and those whose end billing does not know; the earliest end first,
    the unknown ones last. `ending` is the part of it that is not known to renew automatically.
    """

    shown: tuple[Expiry, ...]
    ending: tuple[Expiry, ...]
    prepaid: int
    """How many prepaid servers the state has."""
    notes: tuple[Diagnostic, ...]


async def expiring(workspace: Workspace, listen: Listener, *, within: float) -> ExpiringServers:
    """Asks billing about every recorded server. `within` is in seconds.

    Raises CloudError when billing does not answer, and UsageError where no state was recorded.
    """
    stack = workspace.stack()
    store = workspace.store(stack)
    state = require_recorded(store, store.load())
    recorded = [one for one in state.resources.values() if one.id is not None]
    if not recorded:
        return ExpiringServers((), (), 0, ())
    from provisioner.cloud import translate
    from provisioner.cloud.subscriptions import list_subscriptions

    async with workspace.cloud(stack, listen) as cloud, cloud.channel() as channel:
        check_identity(state, cloud.identity)
        cloud.progress.begin("Reading what is paid until when")
        try:
            found = await list_subscriptions(channel.ask, resource_ids=[one.id for one in recorded if one.id])
        except CallFailed as failed:
            raise translate(failed, "reading the paid terms") from failed
        billing_time = cloud.time(Service.BILLING).earliest()
    now = datetime.now(UTC) if billing_time is None else datetime.fromtimestamp(billing_time / 1000, UTC)
    by_id = {one.resource_id: one for one in found}
    # Billing decides: somebody may have converted a server to a subscription in the console.
    known_prepaid = {one.address for one in prepaid(recorded, workspace.catalogue)}
    servers = [one for one in recorded if one.address in known_prepaid or one.id in by_id]
    servers.sort(key=lambda one: one.address)
    expiries = [_expiry(server, by_id.get(server.id or ""), now) for server in servers]
    known = sorted((one for one in expiries if one.is_within(within)), key=lambda one: (one.expires_at, one.address))
    unknown = [one for one in expiries if one.expires_at is None]
    ending = tuple(one for one in known if one.ends_within(within))
    notes = tuple(_unknown_warning(one) for one in (*known, *unknown) if not one.is_known)
    return ExpiringServers((*known, *unknown), ending, len(servers), notes)


def _expiry(server: Recorded, subscription: Subscription | None, now: datetime) -> Expiry:
    expiry = Expiry(server.address, server.id or "", server.name, now)
    if subscription is None:
        return expiry
    status = getattr(subscription.status, "name", None)
    return Expiry(
        server.address,
        server.id or "",
        server.name,
        now,
        expires_at=subscription.expires_at,
        renews=subscription.renews,
        status=None if status is None else str(status).lower().replace("_", " "),
    )


def _unknown_warning(expiry: Expiry) -> Diagnostic:
    what = "until when it is paid" if expiry.expires_at is None else "what happens when its term ends"
    return warning(
        "expiry-unknown",
        f"{expiry.address}: billing does not say {what}",
        hint="billing learns of a server some minutes after it is built; if it is older, look at it in the console",
        address=expiry.address,
    )
