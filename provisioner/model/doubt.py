"""What holds of a purchase in doubt, and what a person is told to do: one place for plan, apply, show and resolve.

It judges nothing itself: which live servers fit is the kind's to say, how long silence means nothing is the policy's.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from provisioner.model.address import Address
from provisioner.model.kind import Kind
from provisioner.model.purchasing import PurchasePolicy
from provisioner.model.resource import Live, Recorded
from provisioner.model.state import Intent


def absence_believed_at(intent: Intent, kind: Kind, policy: PurchasePolicy) -> int | None:
    """From when on a complete list without the server means that it was never bought: milliseconds of the cloud's time. None:
    a person has to say so.
    """
    return policy.absence_believed_at(kind.absence(intent), intent.server_time)


def untracked(live: Iterable[Live], recorded: Iterable[Recorded]) -> list[Live]:
    """The servers that no address holds. One whose order is recorded has its address, though nobody has seen its id yet."""
    records = tuple(recorded)
    ids, orders = {record.id for record in records}, {record.order_id for record in records} - {None}
    return [row for row in live if row.id not in ids and row.order_id not in orders]


def next_step(address: Address, believed_at: int | None) -> str:
    by_hand = f"`provisioner resolve '{address}' --adopt ID` or `--absent`"
    if believed_at is None:
        return (
            "run apply again: it adopts the server once exactly one fits. A prepaid server is never bought again by itself: "
            f"when the console shows what became of it, {by_hand}"
        )
    return (
        "run apply again: it adopts the server once exactly one fits. If none has appeared by "
        f"{moment(believed_at)}, it was never bought, and apply buys it then; when you know better, {by_hand}"
    )


def moment(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
