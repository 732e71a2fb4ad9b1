"""Which addresses wait for which in one run. A plan holds dependencies as data, and apply obeys them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from provisioner.model.address import Address


@dataclass(frozen=True, slots=True)
class Dependency:
    """`addresses` are started once all of `after` are done. If one of `after` does not succeed, none of them is
    started.

    `description` describes the dependency to a reader, for example "wave 2 of trainer".
    """

    addresses: tuple[Address, ...]
    after: tuple[Address, ...]
    description: str


def describe_release(successors: Sequence[Address]) -> str:
    """Describes, for a reader, the release that waits for `successors`."""
    named = ", ".join(map(str, successors))
    return f"the release of what {named} replace{'' if len(successors) > 1 else 's'}"
