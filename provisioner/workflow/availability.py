"""Decides whether an offering can be bought, from the lists of the cloud's catalogue. Pure: the caller reads the lists.

Only a complete list proves that something is not sold. An offering that is listed in several variants (by charging
mode, architecture, machine type, zone) can be bought when one of them fits.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from provisioner.cloud.catalogue import Flavor, Image
from provisioner.model.release_facts import Availability, Offer, Offering

_SOLD_BOTH_WAYS = "COMMON"
_INACTIVE = "INACTIVE"

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class SaleList(Generic[Item]):
    """One list of the catalogue. `gap` is why the list may be incomplete, and empty for a complete one."""

    items: Sequence[Item] = ()
    gap: str = ""


class SingleImage:
    """The answer to a request for one image by its id.

    `image` is set when it exists, `gap` when that is unknown, and neither when it does not exist.
    """

    __slots__ = ("gap", "image")

    def __init__(self, image: Image | None = None, gap: str = "") -> None:
        self.image = image
        self.gap = gap


@dataclass(frozen=True, slots=True)
class SaleCatalogue:
    """The lists that were read for some offerings. The key of `flavors` is whether they are resource flavors."""

    flavors: dict[bool, SaleList[Flavor]]
    images: SaleList[Image]
    single: dict[str, SingleImage]

    def offer(self, offering: Offering) -> Offer:
        """Returns whether the offering can be bought.

        A reason against it outranks an unknown, and both outrank a listing.
        """
        found, server_type = [self._image(offering)] if offering.image is not None else [], None
        if offering.flavor is not None:
            rows, flavor = match_flavor(offering, self.flavors[offering.is_resource])
            found, server_type = [flavor, *found, *self._image_mismatches(offering, rows)], flavor.server_type
        gravest = min(found, key=lambda offer: _GRAVEST_FIRST.index(offer.availability))
        return replace(gravest, server_type=server_type)

    def _image(self, offering: Offering) -> Offer:
        identifier = offering.image or ""
        row = next((image for image in self.images.items if image.id == identifier), None)
        if row is not None:
            return _check_active(row, Offer(Availability.LISTED))
        if self.images.gap:
            return Offer(
                Availability.UNKNOWN, f"image {identifier} is not in the list of images, and {self.images.gap}"
            )
        single = self.single.get(identifier, SingleImage(gap="it was not read by its id"))
        if single.gap:
            return Offer(Availability.UNKNOWN, f"image {identifier} is not in the list of images, and {single.gap}")
        if single.image is None:
            return Offer(Availability.NOT_LISTED, f"the cloud's catalogue does not list image {identifier}")
        private = f"image {identifier} is in no list of the cloud's catalogue, but exists: it is a private image"
        return _check_active(single.image, Offer(Availability.PRIVATE, private))

    def _image_mismatches(self, offering: Offering, rows: Sequence[Flavor]) -> Iterable[Offer]:
        """Yields an offer for each mismatch: an image runs on machines of one architecture and one type only."""
        single = self.single.get(offering.image or "")
        image = next((one for one in self.images.items if one.id == offering.image), single.image if single else None)
        if image is None or not rows or self.flavors[offering.is_resource].gap:
            return
        for wanted, attribute in ((image.architecture, _architecture), (image.server_type, _server_type)):
            machines = {attribute(row) for row in rows}
            if (
                wanted is not None
                and None not in machines
                and not any(_equal_ignoring_case(wanted, each) for each in machines)
            ):
                shown = " or ".join(sorted(filter(None, machines)))
                why = f"image {image.id} is for {wanted} machines, and {offering.flavor} is {shown}"
                yield Offer(Availability.NOT_LISTED, why)


_GRAVEST_FIRST = (
    Availability.NOT_LISTED,
    Availability.SOLD_OUT,
    Availability.UNKNOWN,
    Availability.PRIVATE,
    Availability.LISTED,
)


def match_flavor(offering: Offering, listing: SaleList[Flavor]) -> tuple[Sequence[Flavor], Offer]:
    """Returns the listed rows that fit the offering's flavor, and whether they can be bought."""
    what = f"{'resource flavor' if offering.is_resource else 'flavor'} {offering.flavor}"
    rows = [row for row in listing.items if row.name == offering.flavor]
    if not rows:
        if not listing.gap and not listing.items:
            return (), Offer(Availability.NOT_LISTED, f"the cloud's catalogue is empty, so it does not list {what}")
        meant = _did_you_mean(offering.flavor or "", listing.items)
        return (), _not_listed(listing, f"does not list {what}{meant}", f"{what} is not in the list of flavors")
    for wanted, attribute in (
        (offering.charging_mode, _charging_mode),
        (offering.arch, _architecture),
        (offering.server_type, _server_type),
    ):
        matching = [
            row
            for row in rows
            if wanted is None or attribute(row) is None or _equal_ignoring_case(wanted, attribute(row))
        ]
        if not matching:
            shown = " and ".join(sorted({str(attribute(row)) for row in rows}))
            only = f"lists {what} only as {shown}, not as {wanted}"
            return (), _not_listed(listing, only, f"{what} is listed as {shown} and not as {wanted}")
        rows = matching
    zones = {stock.zone for row in rows for stock in row.stock}
    if offering.zone is not None and zones and None not in zones and offering.zone not in zones:
        shown = ", ".join(sorted(filter(None, zones)))
        only = f"lists {what} in {shown}, and not in {offering.zone}"
        return (), _not_listed(listing, only, f"{what} is listed in {shown} and not in {offering.zone}")
    kinds = {row.server_type for row in rows}
    kind = kinds.pop() if len(kinds) == 1 else None
    if all(row.is_sold_out(offering.zone) is True for row in rows):
        where = "" if offering.zone is None else f" in {offering.zone}"
        return rows, Offer(Availability.SOLD_OUT, f"{what} is sold out{where}", kind)
    return rows, Offer(Availability.LISTED, server_type=kind)


def _not_listed(listing: SaleList[Flavor], known: str, guessed: str) -> Offer:
    if listing.gap:
        return Offer(Availability.UNKNOWN, f"{guessed}, and {listing.gap}")
    return Offer(Availability.NOT_LISTED, f"the cloud's catalogue {known}")


def _check_active(image: Image, offer: Offer) -> Offer:
    if image.status is not None and image.status.upper() == _INACTIVE:
        return Offer(Availability.NOT_LISTED, f"the cloud's catalogue shows image {image.id} as {image.status}")
    return offer


def _did_you_mean(name: str, flavors: Iterable[Flavor]) -> str:
    near = difflib.get_close_matches(name, sorted({flavor.name for flavor in flavors}), n=1)
    return f" (it has {near[0]})" if near else ""


def _charging_mode(flavor: Flavor) -> str | None:
    return None if flavor.charging_mode == _SOLD_BOTH_WAYS else flavor.charging_mode


def _architecture(flavor: Flavor) -> str | None:
    return flavor.architecture


def _server_type(flavor: Flavor) -> str | None:
    return flavor.server_type


def _equal_ignoring_case(one: str, other: str | None) -> bool:
    """Compares without case, as the API's documentation writes these words in both."""
    return other is not None and one.casefold() == other.casefold()
