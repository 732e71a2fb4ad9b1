"""Asks what has to be known before a server is released: billing until when it is paid for, the catalogue whether there is another.

What neither of them tells is unknown. It is said so where it matters, and forbids nothing: nobody could release anything
where the user may not read billing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.model.flow import CallFailed
from provisioner.model.foresight import Foresight, Questions, Ware

if TYPE_CHECKING:
    from provisioner.cloud import Ask, Cloud
    from provisioner.cloud.catalogue import Flavor

_SOLD_BOTH_WAYS = "COMMON"


async def foresee(cloud: Cloud, questions: Questions) -> Foresight:
    """Two lists of flavors at the most, and a question to billing for every fifty servers."""
    async with cloud.channel() as channel:
        return Foresight(await _paid_until(channel.ask, questions.terms), await _sold_out(channel.ask, questions.wares))


@dataclass(frozen=True, slots=True)
class Market:
    """Asked anew each time: right before something is released."""

    cloud: Cloud

    async def is_sold_out(self, ware: Ware) -> bool:
        async with self.cloud.channel() as channel:
            return ware in await _sold_out(channel.ask, (ware,))


async def _paid_until(ask: Ask, identifiers: tuple[str, ...]) -> dict[str, int]:
    if not identifiers:
        return {}
    from provisioner.cloud.subscriptions import list_subscriptions

    try:
        found = await list_subscriptions(ask, resource_ids=identifiers)
    except CallFailed:
        return {}
    return {one.resource_id: round(one.expires_at.timestamp() * 1000) for one in found if one.expires_at is not None}


async def _sold_out(ask: Ask, wares: Iterable[Ware]) -> frozenset[Ware]:
    """Those that the cloud says are sold out; of what it does not tell, none."""
    found = set[Ware]()
    wanted = tuple(wares)
    for is_resource in sorted({ware.is_resource for ware in wanted}):
        flavors = await _flavors(ask, is_resource=is_resource)
        found |= {ware for ware in wanted if ware.is_resource == is_resource and _is_sold_out(ware, flavors)}
    return frozenset(found)


async def _flavors(ask: Ask, *, is_resource: bool) -> tuple[Flavor, ...]:
    from provisioner.cloud.catalogue import list_flavors, list_resource_flavors

    try:
        return await (list_resource_flavors(ask) if is_resource else list_flavors(ask))
    except CallFailed:
        return ()


def _is_sold_out(ware: Ware, flavors: Iterable[Flavor]) -> bool:
    """Of all ways that it is sold which would do, and of which the cloud tells."""
    ways = (None, _SOLD_BOTH_WAYS, ware.charging_mode)
    fitting = [
        flavor
        for flavor in flavors
        if flavor.name == ware.flavor and (ware.charging_mode is None or flavor.charging_mode in ways)
    ]
    return bool(fitting) and all(flavor.is_sold_out(ware.zone) is True for flavor in fitting)
