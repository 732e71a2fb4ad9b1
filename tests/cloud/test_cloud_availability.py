"""Whether what is wanted can be had, by what a catalogue lists: only a complete list says no."""

from __future__ import annotations

import pytest

from provisioner.cloud.catalogue import Flavor, Image, Stock
from provisioner.model.foresight import Availability, Ware
from provisioner.workflow.availability import SaleCatalogue, SaleList, SingleImage

FLAVORS = (
    Flavor(name="small", architecture="X86", server_type="ECS", charging_mode="COMMON", stock=(Stock("a", False), Stock("b", True))),
    Flavor(name="monthly", architecture="X86", server_type="ECS", charging_mode="PRE_PAID"),
    Flavor(name="gone", charging_mode="COMMON", stock=(Stock("a", True), Stock("b", True))),
    Flavor(name="both", charging_mode="PRE_PAID", stock=(Stock("a", True),)),
    Flavor(name="both", charging_mode="POST_PAID", stock=(Stock("a", False),)),
)  # fmt: skip
IMAGES = (
    Image(id="ubuntu", architecture="X86", server_type="ECS", status="ACTIVE"),
    Image(id="euler", architecture="ARM"),
    Image(id="old", status="INACTIVE"),
    Image(id="plain"),
)


def offered(ware: Ware, *, gap: str = "", single: SingleImage | None = None):
    flavors = SaleList(FLAVORS, gap)
    known = {} if single is None else {ware.image or "": single}
    return SaleCatalogue({False: flavors, True: flavors}, SaleList(IMAGES, gap), known).offer(ware)


@pytest.mark.parametrize(
    ("ware", "availability", "why"),
    [
        (Ware("small", image="ubuntu"), "listed", ""),
        (Ware("small", arch="x86", server_type="ecs", zone="a", image="plain"), "listed", ""),
        (Ware("smal"), "not_listed", "it has small"),
        (Ware("small\u00a0"), "not_listed", "it has small"),
        (Ware("small", zone="c"), "not_listed", "in a, b, and not in c"),
        (Ware("small", zone="b"), "sold_out", "sold out in b"),
        (Ware("small", arch="ARM"), "not_listed", "only as X86, not as ARM"),
        (Ware("small", server_type="BMS"), "not_listed", "only as ECS, not as BMS"),
        (Ware("monthly", charging_mode="POST_PAID"), "not_listed", "only as PRE_PAID"),
        (Ware("monthly", charging_mode="PRE_PAID"), "listed", ""),
        (Ware("gone"), "sold_out", "sold out"),
        (Ware("both", charging_mode="PRE_PAID"), "sold_out", ""),
        (Ware("both"), "listed", ""),
        (Ware("small", image="euler"), "not_listed", "image euler is for ARM machines, and small is X86"),
        (Ware("small", image="old"), "not_listed", "INACTIVE"),
        (Ware(None, image="old"), "not_listed", "INACTIVE"),
        (Ware(None, image="euler"), "listed", ""),
    ],
    ids=str,
)
def test_a_complete_catalogue_says_what_can_be_had(ware, availability, why):
    offer = offered(ware)
    assert (offer.availability, why in offer.why) == (availability, True)


@pytest.mark.parametrize(
    ("ware", "availability"),
    [
        (Ware("smal"), "unknown"),
        (Ware("small", zone="c"), "unknown"),
        (Ware("small", arch="ARM"), "unknown"),
        (Ware("small", image="euler"), "listed"),
        (Ware("small", image="nowhere"), "unknown"),
        (Ware("small", zone="b"), "sold_out"),
        (Ware("small", image="ubuntu"), "listed"),
    ],
    ids=str,
)
def test_an_incomplete_one_says_only_what_is_there(ware, availability):
    assert offered(ware, gap="that list is incomplete: 5 of 6").availability == availability


@pytest.mark.parametrize(
    ("single", "availability"),
    [
        (SingleImage(Image(id="mine")), "private"),
        (SingleImage(Image(id="mine", status="INACTIVE")), "not_listed"),
        (SingleImage(), "not_listed"),
        (SingleImage(gap="asking failed"), "unknown"),
    ],
)
def test_an_image_in_no_list_is_asked_for_by_its_id(single, availability):
    assert offered(Ware("small", image="mine"), single=single).availability == availability


def test_an_empty_catalogue_has_nothing():
    offer = SaleCatalogue({False: SaleList()}, SaleList(), {}).offer(Ware("small"))
    assert (offer.availability, "is empty" in offer.why) == (Availability.NOT_LISTED, True)


@pytest.mark.parametrize("image", [None, "ubuntu", "unknown", "euler"])
def test_the_type_of_a_flavors_machines_is_told_whatever_is_said_of_the_image(image):
    assert offered(Ware("small", image=image)).server_type == "ECS"
    assert offered(Ware("both", image=image)).server_type is None
