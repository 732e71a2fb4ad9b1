"""What the cloud keeps and bills after a server is released. Plans announce it, and the results of a run list it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Leftover:
    """`what` describes it to a person; `id` is None if the cloud does not show which one it is."""

    what: str
    id: str | None = None
