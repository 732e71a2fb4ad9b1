"""What has to be known before a server is bought, wiped or released, and is asked only then: until when it is paid for, and
whether what is wanted can be had.

Questions and answers as values; who asks is the workflow, what follows from an answer the guards say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final


@dataclass(frozen=True, slots=True)
class Offering:
    """What a purchase asks the market for. `is_resource`: by its resource flavor, of which the cloud keeps a list of its own.
    What is left to the cloud is None; without a `flavor` only the image is asked for, for a machine that stays.
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
        return replace(self, flavor=None, is_resource=False, charging_mode=None, zone=None, arch=None, server_type=None)


class Availability(StrEnum):
    """What the cloud's catalogue says of a ware. `PRIVATE`: its image is in no list, and is shown when asked for by its id."""

    LISTED = "listed"
    NOT_LISTED = "not_listed"
    SOLD_OUT = "sold_out"
    PRIVATE = "private"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Offer:
    """`why` is a clause about what is not simply listed. `server_type` is that of every machine which would do, where the
    catalogue tells.
    """

    availability: Availability
    why: str = ""
    server_type: str | None = None

    @property
    def is_unavailable(self) -> bool:
        return self.availability in {Availability.NOT_LISTED, Availability.SOLD_OUT}


@dataclass(frozen=True, slots=True)
class Questions:
    """`terms` are the ids of servers that would be released, and of prepaid ones that would be changed, `wares` what would have to be had for a server that
    is released or wiped first, and `purchases` what would be bought with nothing to lose.
    """

    terms: tuple[str, ...] = ()
    offerings: tuple[Offering, ...] = ()
    purchases: tuple[Offering, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.terms or self.offerings or self.purchases)

    @property
    def cannot_refuse(self) -> bool:
        """Whatever is answered, it only adds to what the plan says."""
        return not (self.terms or self.offerings)


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """`paid_until` by id, in milliseconds since the epoch; who is not in it, of them billing did not say. `offers` has every ware that
    was asked about. `subscribed` are the ids that billing knows as paid for in advance, also where it does not say until when.
    """

    paid_until: Mapping[str, int] = field(default_factory=dict)
    offers: Mapping[Offering, Offer] = field(default_factory=dict)
    subscribed: frozenset[str] = frozenset()


NO_RELEASE_FACTS: Final = ReleaseFacts()


def unavailable_code(offer: Offer) -> str:
    """Of the diagnostic about a ware that cannot be had."""
    return "sold-out" if offer.availability is Availability.SOLD_OUT else "not-listed"


def unavailable_hint(offer: Offer) -> str:
    """What a person does about it."""
    if offer.availability is Availability.SOLD_OUT:
        return "wait until it is in stock, choose another flavor, or undo the change"
    return "correct the specs, or, if it can be had all the same, for this one run: --allow not-listed"
