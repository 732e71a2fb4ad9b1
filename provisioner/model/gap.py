"""What a list leaves open: absence is concluded from no list that has a gap, and a name is free only where no gap can hide it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from provisioner.model.resource_id import HasId

if TYPE_CHECKING:
    from provisioner.model.resource import Live
    from provisioner.model.state import Intent

NO_NAME: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Gap(HasId):
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
    of_others: bool = False
    """What is hidden is other users' alone: of what its own reader has sent, nothing is missing."""

    def hides(self, names: Collection[str]) -> bool:
        """Whether a server with one of these names may be there unseen."""
        return self.names is None or not self.names.isdisjoint(names)

    def blinds(self, intent: Intent, reader: str) -> bool:
        """Whether what this purchase, or release, has come to may be unseen by `reader`."""
        return not (self.of_others and intent.sender and intent.sender == reader)

    def __str__(self) -> str:
        return f"{self.request}: {self.finding}" if self.request else self.finding


_NAMED = 5


def unlisted(rows: Iterable[Live], gaps: Iterable[Gap] = ()) -> tuple[Gap, ...]:
    """A server that answers by its id and stands in no list proves that the list lacks servers, whatever its `total` says: others may
    be missing like it. None where `gaps` account for it. Of a list of one's own servers it may be another user's, or prove the same: no name is
    hidden for that, and no doubt ended.
    """
    gaps = tuple(gaps)
    ids = sorted({row.id for row in rows if not any(gap.hides({row.name}) for gap in gaps)})
    if not ids:
        return ()
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    finding = (
        f"it lacks server {ids[0]}, which answers when it is asked for by its id"
        if len(ids) == 1
        else f"it lacks servers {', '.join(ids[:_NAMED])}{more}, which answer when they are asked for by their ids"
    )
    if any(gap.of_others for gap in gaps):
        return (Gap("", finding, NO_NAME, is_told=False),)
    return (Gap("", finding),)
