"""What the cloud keeps, and bills on, when a server is released: said before, and listed after."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Leftover:
    """`what` is a phrase for a person; `id` is None where the cloud does not show which one it is."""

    what: str
    id: str | None = None
