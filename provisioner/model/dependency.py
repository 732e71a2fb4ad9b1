"""Who waits for whom in one run. Data: a plan says it, and applying keeps to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from provisioner.model.address import Address


@dataclass(frozen=True, slots=True)
class Dependency:
    """`addresses` are begun once all of `after` are done; where one of these does not get there, none of them is begun.

    `what` tells a reader of which kind it is: "wave 2 of trainer".
    """

    addresses: tuple[Address, ...]
    after: tuple[Address, ...]
    what: str


def describe_release(successors: Sequence[Address]) -> str:
    """What waits for these, for a reader."""
    named = ", ".join(map(str, successors))
    return f"the release of what {named} replace{'' if len(successors) > 1 else 's'}"
