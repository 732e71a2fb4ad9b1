"""What a list leaves open: absence is concluded from no list that has a gap, and a name is free only where no gap can hide it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

NO_NAME: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Gap:
    """`request` is what was asked, `finding` what its answer lacks, with the field. `names` are those that what is hidden can
    bear, as an unreadable row shows them; None: any; none at all: planning believes
    the list, and only a doubt does not.
    """

    request: str
    finding: str
    names: frozenset[str] | None = None
    id: str | None = None
    """Of the row, where it can be read: who knows that server otherwise misses nothing."""
    is_told: bool = True
    """People have to hear of it."""

    def hides(self, names: Collection[str]) -> bool:
        """Whether a server with one of these names may be there unseen."""
        return self.names is None or not self.names.isdisjoint(names)

    def __str__(self) -> str:
        return f"{self.request}: {self.finding}" if self.request else self.finding
