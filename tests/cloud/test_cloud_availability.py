"""Whether what is wanted can be had, by what a catalogue lists: only a complete list says no."""

from __future__ import annotations

import pytest

from provisioner.cloud.catalogue import Flavor, Image, Stock
from provisioner.model.release_facts import Availability, Offering
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


def offered(ware: Offering, *, gap: str = "", single: SingleImage | None = None):
    flavors = SaleList(FLAVORS, gap)
    known = {} if single is None else {ware.image or "": single}
    return SaleCatalogue({False: flavors, True: flavors}, SaleList(IMAGES, gap), known).offer(ware)


@pytest.mark.parametrize(
    ("ware", "availability", "why"),
    [
        (Offering("small", image="ubuntu"), "listed", ""),
        (Offering("small", arch="x86", server_type="ecs", zone="a", image="plain"), "listed", ""),
        (Offering("smal"), "not_listed", "it has small"),
        (Offering("small\u00a0"), "not_listed", "it has small"),
        (Offering("small", zone="c"), "not_listed", "in a, b, and not in c"),
        (Offering("small", zone="b"), "sold_out", "sold out in b"),
        (Offering("small", arch="ARM"), "not_listed", "only as X86, not as ARM"),
        (Offering("small", server_type="BMS"), "not_listed", "only as ECS, not as BMS"),
        (Offering("monthly", charging_mode="POST_PAID"), "not_listed", "only as PRE_PAID"),
        (Offering("monthly", charging_mode="PRE_PAID"), "listed", ""),
        (Offering("gone"), "sold_out", "sold out"),
        (Offering("both", charging_mode="PRE_PAID"), "sold_out", ""),
        (Offering("both"), "listed", ""),
        (Offering("small", image="euler"), "not_listed", "image euler is for ARM machines, and small is X86"),
        (Offering("small", image="old"), "not_listed", "INACTIVE"),
        (Offering(None, image="old"), "not_listed", "INACTIVE"),
        (Offering(None, image="euler"), "listed", ""),
    ],
    ids=str,
)
def test_a_complete_catalogue_says_what_can_be_had(ware, availability, why):
    offer = offered(ware)
    assert (offer.availability, why in offer.why) == (availability, True)


@pytest.mark.parametrize(
    ("ware", "availability"),
    [
        (Offering("smal"), "unknown"),
        (Offering("small", zone="c"), "unknown"),
        (Offering("small", arch="ARM"), "unknown"),
        (Offering("small", image="euler"), "listed"),
        (Offering("small", image="nowhere"), "unknown"),
        (Offering("small", zone="b"), "sold_out"),
        (Offering("small", image="ubuntu"), "listed"),
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
    assert offered(Offering("small", image="mine"), single=single).availability == availability


def test_an_empty_catalogue_has_nothing():
    offer = SaleCatalogue({False: SaleList()}, SaleList(), {}).offer(Offering("small"))
    assert (offer.availability, "is empty" in offer.why) == (Availability.NOT_LISTED, True)


@pytest.mark.parametrize("image", [None, "ubuntu", "unknown", "euler"])
def test_the_type_of_a_flavors_machines_is_told_whatever_is_said_of_the_image(image):
    assert offered(Offering("small", image=image)).server_type == "ECS"
    assert offered(Offering("both", image=image)).server_type is None
