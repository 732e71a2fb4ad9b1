"""What else an order has bought, by billing, which knows servers that stand in no list and rows that do not name their order.

To release one prepaid server ends its whole order (API reference section 2.3), so it is asked right before (docs/decisions/0010).
"""

from __future__ import annotations

from collections.abc import Collection

from provisioner.applying.ports import Channel
from provisioner.applying.reading import run_read
from provisioner.model.flow import CallFailed
from provisioner.model.kind import Kind
from provisioner.model.resource import Live, Recorded


def order_to_end(kind: Kind, recorded: Recorded, live: Live | None) -> str | None:
    """The order that releasing it would end by now: none where it is on its way out, or gone."""
    if not kind.orders.ends_its_order(recorded, live):
        return None
    if live is None:
        return None if recorded.id is not None and recorded.observed else recorded.order_id
    return None if live.status in kind.statuses.releasing else recorded.order_id or live.order_id


async def bought_by(kind: Kind, order_id: str, channel: Channel) -> tuple[str, ...]:
    """Ids. Raises CallFailed where billing does not say, whatever a row shows: which way a release takes is asked of billing once more,
    and may be answered then.
    """
    return await run_read(kind.orders.all_resources(order_id), channel)


async def not_known_to_be_gone(kind: Kind, identifiers: Collection[str], channel: Channel) -> list[str]:
    """Of servers that no list shows: only "not found" says that one is gone."""
    there = []
    for identifier in identifiers:
        try:
            row = await run_read(kind.show(identifier), channel)
        except CallFailed:
            there.append(identifier)
        else:
            if row is not None and row.status not in kind.statuses.releasing:
                there.append(identifier)
    return there
