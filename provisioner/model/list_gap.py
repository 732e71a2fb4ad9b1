"""What a list leaves open: absence is concluded from no list that has a gap, and a name is free only where no gap can hide it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from provisioner.model.resource_id import HasId

if TYPE_CHECKING:
    from provisioner.model.resource import Live

NO_NAME: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class ListGap(HasId):
    """`request` is what was asked, `finding` what its answer lacks, with the field. `names` are those that what is hidden can
    bear, as an unreadable row shows them; None: any; none at all: planning believes
    the list, and only a doubt does not.
    """

    request: str
    finding: str
    names: frozenset[str] | None = None
    id: str | None = None
    """Of the row, where it can be read: who knows that server otherwise misses nothing."""
    is_reported: bool = True
    """People have to hear of it."""
    lacks_sender: bool = False
    """It shows others' servers, and none that is known to be the sender's: nobody can tell whether it leaves out his."""
    of_others: bool = False
    """What is hidden is other users' alone: of what its own reader has sent, nothing is missing."""
    kind: str = ""
    """The name of the kind of resource that was listed; empty where it may concern any."""

    def hides(self, kind: str, names: Collection[str]) -> bool:
        """Whether a resource of this kind with one of these names may be there unseen."""
        return self.kind in {"", kind} and (self.names is None or not self.names.isdisjoint(names))

    def hides_from(self, reader: str, *, kind: str, sender: str) -> bool:
        """Whether what a call of `sender` for a resource of this kind has come to may be unseen by `reader`."""
        return self.kind in {"", kind} and not (self.of_others and sender and sender == reader)

    def __str__(self) -> str:
        return f"{self.request}: {self.finding}" if self.request else self.finding


_NAMED = 5


def find_unlisted(rows: Iterable[Live], gaps: Iterable[ListGap] = ()) -> tuple[ListGap, ...]:
    """A resource that answers by its id and stands in no list proves that the list lacks some, whatever its `total` says: others may
    be missing like it. None where `gaps` account for it. Of a list of one's own it may be another user's, or prove the same: no name is
    hidden for that, and no doubt ended.
    """
    rows, gaps = tuple(rows), tuple(gaps)
    found = (_unlisted(kind, rows, gaps) for kind in dict.fromkeys(row.kind for row in rows))
    return tuple(gap for gap in found if gap is not None)


def _unlisted(kind: str, rows: Iterable[Live], gaps: Iterable[ListGap]) -> ListGap | None:
    gaps = [gap for gap in gaps if gap.kind in {"", kind}]
    own = [row for row in rows if row.kind == kind]
    ids = sorted({row.id for row in own if not any(gap.hides(kind, {row.name}) for gap in gaps)})
    if not ids:
        return None
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    finding = (
        f"it lacks {ids[0]}, which answers when it is asked for by its id"
        if len(ids) == 1
        else f"it lacks {', '.join(ids[:_NAMED])}{more}, which answer when they are asked for by their ids"
    )
    if any(gap.of_others for gap in gaps):
        return ListGap("", finding, NO_NAME, is_reported=False, kind=kind)
    return ListGap("", finding, kind=kind)
