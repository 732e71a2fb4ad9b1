"""What is for sale: images, and flavors with their prices and the zones in which they are sold out.

It does not change while the sandbox runs. Knows no order and no server.
"""

import re
from dataclasses import dataclass, replace
from typing import Final, Literal

Arch = Literal["X86", "ARM"]
ServerType = Literal["BMS", "ECS"]
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
Action = Literal["create", "start", "stop", "reboot", "changeos", "reinstallos"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavor:
    """A flavor. `hourly_price` is in cents; `fails` are the actions that end in their *_FAILED status. If it
    `falls_short`, buying several by one call brings one server less.
    """

    name: str
    hourly_price: int
    arch: Arch = "X86"
    server_type: ServerType = "ECS"
    sold_out_in: frozenset[str] = frozenset()
    fails: frozenset[Action] = frozenset()
    falls_short: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    id: str
    name: str
    arch: Arch = "X86"
    server_type: ServerType = "ECS"
    status: Literal["ACTIVE", "INACTIVE"] = "ACTIVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What is for sale. `other_flavors` is the hourly price in cents of any flavor that is not listed; None if no
    other is sold. `private_images` can be read by their ids and are in no list.
    """

    zones: tuple[str, ...]
    flavors: tuple[Flavor, ...]
    images: tuple[Image, ...]
    other_flavors: int | None = None
    other_images: bool = False
    private_images: tuple[Image, ...] = ()
    a3_flavors: frozenset[str] | None = None
    """The flavors whose servers take disks and public addresses; None: all of them."""

    @property
    def lists_every_flavor(self) -> bool:
        return self.other_flavors is None

    @property
    def lists_every_image(self) -> bool:
        return not self.other_images

    def flavor(self, name: str) -> Flavor | None:
        listed = next((flavor for flavor in self.flavors if flavor.name == name), None)
        if listed is None and self.other_flavors is not None:
            return Flavor(name=name, hourly_price=self.other_flavors)
        return listed

    def image(self, image_id: str) -> Image | None:
        listed = next((image for image in (*self.images, *self.private_images) if image.id == image_id), None)
        if listed is None and self.other_images and _UUID.fullmatch(image_id):
            return Image(id=image_id, name=f"image-{image_id[:8]}")
        return listed

    def takes_attachments(self, flavor: str | None) -> bool:
        return self.a3_flavors is None or flavor in self.a3_flavors

    def is_sold_out(self, flavor: Flavor, zone: str | None) -> bool:
        """Returns whether the flavor is sold out in the zone; in every zone for None."""
        return flavor.sold_out_in.issuperset(self.zones if zone is None else (zone,))

    def failing_to_build(self, names: frozenset[str]) -> "Market":
        """Returns the same market, in which servers of these flavors never start running."""
        listed = {flavor.name for flavor in self.flavors}
        added = (each for each in map(self.flavor, sorted(names - listed)) if each is not None)
        flavors = (_failing(each) if each.name in names else each for each in (*self.flavors, *added))
        return replace(self, flavors=tuple(flavors))


def _failing(flavor: Flavor) -> Flavor:
    return replace(flavor, fails=flavor.fails | {"create"})


_ZONES: Final = ("cn-north-4a", "cn-north-4b")

PUBLIC_MARKET: Final = Market(
    zones=_ZONES,
    flavors=(
        Flavor(name="Si2.large.4", hourly_price=1_40),
        Flavor(name="Si2.xlarge.4", hourly_price=2_80),
        Flavor(name="Kat1.8xlarge", hourly_price=98_00, arch="ARM", server_type="BMS"),
        Flavor(name="sandbox.fails", hourly_price=1_00, fails=frozenset({"create"})),
        Flavor(name="sandbox.start-fails", hourly_price=1_00, fails=frozenset({"start"})),
        Flavor(name="sandbox.stop-fails", hourly_price=1_00, fails=frozenset({"stop"})),
        Flavor(name="sandbox.reboot-fails", hourly_price=1_00, fails=frozenset({"reboot"})),
        Flavor(name="sandbox.os-fails", hourly_price=1_00, fails=frozenset({"changeos", "reinstallos"})),
        Flavor(name="sandbox.falls-short", hourly_price=1_00, falls_short=True),
        Flavor(name="sandbox.sold-out", hourly_price=1_00, sold_out_in=frozenset(_ZONES)),
    ),
    images=(
        Image(id="c90fb553-2cdb-4b81-b56a-ef68812c6cf7", name="Ubuntu18.04_x86_64_CPU"),
        Image(id="0f6d5c3a-7b1e-4c55-9a37-6d2f8e1b4a90", name="EulerOS2.10_aarch64_NPU", arch="ARM", server_type="BMS"),
    ),
    other_flavors=10_00,
    other_images=True,
)
"""Sells any flavor, at the price of a small one unless it is listed, and knows any image: enough for specs of any kind."""
