"""What the cloud keeps and bills after a server is released. Plans announce it, the results of a run list it, and the
journal keeps it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Leftover:
    """`what` describes it to a person; `id` is None if the cloud does not show which one it is, and `size` is in GB, or
    None if it is not known.
    """

    what: str
    id: str | None = None
    size: int | None = None
