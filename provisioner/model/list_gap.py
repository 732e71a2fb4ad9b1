"""Gaps in a list. A list with a gap proves no absence, and a name counts as free only if no gap can hide it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from provisioner.model.resource_id import HasId

if TYPE_CHECKING:
    from provisioner.model.resource import Live

NO_NAMES: Final[frozenset[str]] = frozenset()
_MAX_NAMED = 5


@dataclass(frozen=True, slots=True)
class ListGap(HasId):
    """One gap: `request` is what was sent, and `finding` what the reply lacks, including the field. `names` are the
    names that hidden resources can have, as an unreadable row shows them. None means any name. If it is empty, planning
    trusts the list, and only the resolution of doubts does not.
    """

    request: str
    finding: str
    names: frozenset[str] | None = None
    id: str | None = None
    """The id in the unreadable row, if readable. For a caller who knows that server otherwise, nothing is missing."""
    is_reported: bool = True
    """Whether people are warned about the gap."""
    lacks_sender: bool = False
    """The list shows servers of others and none known to be the sender's, so it may omit the sender's servers."""
    only_others: bool = False
    """Only servers of other users are hidden; nothing is missing of what the reader of the list has sent."""
    kind: str = ""
    """The kind of resource that was listed; empty if the gap may affect any kind."""

    def hides(self, kind: str, names: Collection[str]) -> bool:
        """Returns whether a resource of this kind with one of these names may exist without being listed."""
        return self.kind in {"", kind} and (self.names is None or not self.names.isdisjoint(names))

    def hides_from(self, reader: str, *, kind: str, sender: str) -> bool:
        """Returns whether the list may hide from `reader` the outcome of a call that `sender` sent for this kind."""
        return self.kind in {"", kind} and not (self.only_others and sender and sender == reader)

    def __str__(self) -> str:
        return f"{self.request}: {self.finding}" if self.request else self.finding


def find_unlisted(rows: Iterable[Live], gaps: Iterable[ListGap] = ()) -> tuple[ListGap, ...]:
    """Returns a gap for each kind of which `rows` answer by id but are in no list. They prove that the list is
    incomplete, whatever its `total` says, and more may be missing. Rows that `gaps` explain make no gap.

    If the list shows only the reader's own servers, such a row may belong to another user, or prove the same. The gap
    then hides no name, but no doubt ends either.
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
    more = f" and {len(ids) - _MAX_NAMED} more" if len(ids) > _MAX_NAMED else ""
    finding = (
        f"it lacks {ids[0]}, which can be read by its id"
        if len(ids) == 1
        else f"it lacks {', '.join(ids[:_MAX_NAMED])}{more}, which can be read by their ids"
    )
    if any(gap.only_others for gap in gaps):
        return ListGap("", finding, NO_NAMES, is_reported=False, kind=kind)
    return ListGap("", finding, kind=kind)
