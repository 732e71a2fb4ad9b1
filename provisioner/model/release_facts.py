"""Facts that are needed before a server is bought, reinstalled or released, and are read only then: when its paid term
ends, and whether what is wanted is available.

Questions and answers are values. `workflow/` asks, and the guards decide what follows from an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final


@dataclass(frozen=True, slots=True)
class Offering:
    """What a purchase needs to be on sale. `is_resource`: `flavor` is a resource flavor, for which the cloud has a
    separate list. None: the cloud chooses. Without a `flavor` only the image is needed, for a machine that stays.
    """

    flavor: str | None
    is_resource: bool = False
    charging_mode: str | None = None
    zone: str | None = None
    arch: str | None = None
    server_type: str | None = None
    image: str | None = None

    @property
    def image_only(self) -> Offering:
        """The offering reduced to its image, as a reinstallation needs it."""
        return replace(self, flavor=None, is_resource=False, charging_mode=None, zone=None, arch=None, server_type=None)


class Availability(StrEnum):
    """What the cloud's catalogue says of an offering. `PRIVATE`: its image is in no list, but can be read by its id."""

    LISTED = "listed"
    NOT_LISTED = "not_listed"
    SOLD_OUT = "sold_out"
    PRIVATE = "private"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Offer:
    """The availability of an offering. `why` is a clause that explains anything but LISTED. `server_type` is the type
    of all machines that fit; None if the catalogue does not show one type for all.
    """

    availability: Availability
    why: str = ""
    server_type: str | None = None

    @property
    def is_unavailable(self) -> bool:
        return self.availability in {Availability.NOT_LISTED, Availability.SOLD_OUT}


@dataclass(frozen=True, slots=True)
class Questions:
    """What a plan has to ask. `terms` are the ids of servers that would be released, and of prepaid ones that would be
    changed. `offerings` must be available because a server is released or wiped first. `purchases` are bought without
    such a risk.
    """

    terms: tuple[str, ...] = ()
    offerings: tuple[Offering, ...] = ()
    purchases: tuple[Offering, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.terms or self.offerings or self.purchases)

    @property
    def cannot_refuse(self) -> bool:
        """Whether no answer can lead to a refusal: answers only add warnings to the plan."""
        return not (self.terms or self.offerings)


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """The answers. `paid_until` is the end of the paid term by server id, in milliseconds since the epoch; a server
    that billing does not know is absent. `offers` has every offering that was asked about. `subscribed` are the ids
    that billing lists as paid for in advance, even if it reports no end.
    """

    paid_until: Mapping[str, int] = field(default_factory=dict)
    offers: Mapping[Offering, Offer] = field(default_factory=dict)
    subscribed: frozenset[str] = frozenset()


NO_RELEASE_FACTS: Final = ReleaseFacts()


def unavailable_code(offer: Offer) -> str:
    """Returns the code of the diagnostic about an unavailable offering."""
    return "sold-out" if offer.availability is Availability.SOLD_OUT else "not-listed"


def unavailable_hint(offer: Offer) -> str:
    """Returns what a person can do about an unavailable offering."""
    if offer.availability is Availability.SOLD_OUT:
        return "wait until it is in stock, choose another flavor, or undo the change"
    return "correct the specs, or, if it is available anyway, for this run: --allow not-listed"
