"""What has to be known before a server is released, and is asked only then: until when it is paid for, and whether another
can be had in its place.

Questions and answers as values; who asks is the workflow, what follows from an answer the guards say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Ware:
    """What a purchase asks the market for. `is_resource`: by its resource flavor, of which the cloud keeps a list of its own.
    `zone` and `charging_mode` are None where the cloud chooses.
    """

    flavor: str
    is_resource: bool = False
    charging_mode: str | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Questions:
    """`terms` are the ids of prepaid servers that would be released, `wares` what would be bought in a released one's place."""

    terms: tuple[str, ...] = ()
    wares: tuple[Ware, ...] = ()

    @property
    def are_none(self) -> bool:
        return not (self.terms or self.wares)


@dataclass(frozen=True, slots=True)
class Foresight:
    """`paid_until` by id, in milliseconds since the epoch; who is not in it, of them billing did not say. `sold_out` are the wares
    of which the cloud says that there are none.
    """

    paid_until: Mapping[str, int] = field(default_factory=dict)
    sold_out: frozenset[Ware] = frozenset()


NOTHING_ASKED: Final = Foresight()
