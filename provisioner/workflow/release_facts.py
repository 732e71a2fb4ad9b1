"""Reads the facts that a plan needs before a server is bought, wiped or released: the end of the paid term from
billing, and from the catalogue whether the wanted offering can be bought.

A fact that neither answers is unknown. Plans say so where it matters, and it forbids nothing: otherwise users who may
not read billing could release nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from provisioner.model.flow import CallFailed, Outcome
from provisioner.model.release_facts import Offer, Offering, Questions, ReleaseFacts
from provisioner.workflow.system_clock import SystemClock

if TYPE_CHECKING:
    from provisioner.cloud import Ask, Cloud
    from provisioner.workflow.availability import SaleCatalogue, SaleList, SingleImage

_FRESH_SECONDS = 2.0
"""How long an answer of the catalogue is reused, for releases that begin together."""
_NOT_ALLOWED = frozenset({401, 403, 429})

Item = TypeVar("Item")


async def read_release_facts(cloud: Cloud, questions: Questions) -> ReleaseFacts:
    """Answers the questions of a plan.

    It reads one list of flavors and one of images, a second list for resource flavors, each image that a complete list
    lacks, and billing with one request per fifty servers.
    """
    offerings = dict.fromkeys((*questions.offerings, *questions.purchases))
    cloud.progress.begin("Reading what is sold and what is paid")
    async with cloud.channel() as channel:
        paid_until, subscribed = await _paid_until(channel.ask, questions.terms)
        if not offerings:
            return ReleaseFacts(paid_until, subscribed=subscribed)
        catalogue = await read_catalogue(channel.ask, offerings)
    return ReleaseFacts(paid_until, {offering: catalogue.offer(offering) for offering in offerings}, subscribed)


@dataclass(slots=True)
class StockReader:
    """Reads the catalogue again right before something is released or wiped."""

    cloud: Cloud
    _read: dict[Offering, tuple[float, Offer]] = field(default_factory=dict)

    async def offer(self, offering: Offering) -> Offer:
        now = SystemClock().monotonic()
        read_at, offer = self._read.get(offering, (0.0, None))
        if offer is None or now - read_at > _FRESH_SECONDS:
            async with self.cloud.channel() as channel:
                offer = (await read_catalogue(channel.ask, (offering,))).offer(offering)
            self._read[offering] = (now, offer)
        return offer


async def read_catalogue(ask: Ask, offerings: Iterable[Offering]) -> SaleCatalogue:
    """Reads the lists that these offerings need. A list that cannot be read becomes an empty one with a gap."""
    from provisioner.cloud.catalogue import list_flavors, list_images, list_resource_flavors
    from provisioner.workflow.availability import SaleCatalogue, SaleList

    wanted = tuple(offerings)
    flavors = {
        is_resource: await _read_list(lambda: list_resource_flavors(ask) if is_resource else list_flavors(ask))  # noqa: B023 - awaited here
        for is_resource in sorted({offering.is_resource for offering in wanted if offering.flavor is not None})
    }
    images = [offering.image for offering in wanted if offering.image is not None]
    listed = await _read_list(lambda: list_images(ask)) if images else SaleList()
    known = {image.id for image in listed.items}
    unlisted = () if listed.gap else sorted(set(images) - known)
    return SaleCatalogue(flavors, listed, {identifier: await _read_image(ask, identifier) for identifier in unlisted})


async def _read_list(read: Callable[[], Awaitable[tuple[Item, ...]]]) -> SaleList[Item]:
    from provisioner.cloud.catalogue import PartialCatalogue
    from provisioner.workflow.availability import SaleList

    try:
        return SaleList(await read())
    except PartialCatalogue as partial:
        return SaleList(partial.items, f"that list is incomplete: {partial.gap}")
    except CallFailed as failed:
        return SaleList((), f"the list cannot be read: {failed.message}")


async def _read_image(ask: Ask, identifier: str) -> SingleImage:
    from provisioner.cloud.catalogue import show_image
    from provisioner.workflow.availability import SingleImage

    try:
        return SingleImage(await show_image(ask, identifier))
    except CallFailed as failed:
        no_such_route = failed.code == "APIG.0101"
        refused = failed.outcome is Outcome.REFUSED and failed.status not in _NOT_ALLOWED and not no_such_route
        if failed.not_found or refused:
            return SingleImage()
        return SingleImage(gap=f"asking for it by its id failed: {failed.message}")


async def _paid_until(ask: Ask, identifiers: tuple[str, ...]) -> tuple[dict[str, int], frozenset[str]]:
    """Returns the end of the paid term by server id, in milliseconds since the epoch, and the ids of all servers that
    billing knows as prepaid.

    A server whose end billing does not know is absent from the first. Both are empty when billing does not answer.
    """
    if not identifiers:
        return {}, frozenset()
    from provisioner.cloud.subscriptions import list_subscriptions

    try:
        found = await list_subscriptions(ask, resource_ids=identifiers)
    except CallFailed:
        return {}, frozenset()
    ends = {one.resource_id: round(one.expires_at.timestamp() * 1000) for one in found if one.expires_at is not None}
    return ends, frozenset(one.resource_id for one in found)
