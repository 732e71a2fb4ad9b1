"""What one reading of the list of servers showed, and the ways in which a wait for it can end without an answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from provisioner.model.address import Address
from provisioner.model.flow import Wait
from provisioner.model.list_gap import ListGap
from provisioner.model.resource import Live


class TimedOut(Exception):  # noqa: N818 - how a wait ends, not a malfunction
    """The deadline passed before the server settled."""


class Detached(Exception):  # noqa: N818 - how a wait ends, not a malfunction
    """An interruption ended the wait."""


class NotAwaited(Exception):  # noqa: N818 - how a wait ends, not a malfunction
    """The list was read, the server has not settled, and the run does not wait for that (`--no-wait`). `blocker` is
    the address whose server would have to settle first; None: its own.
    """

    def __init__(self, blocker: Address | None = None) -> None:
        super().__init__(str(blocker or ""))
        self.blocker = blocker


@dataclass(frozen=True, slots=True)
class ListSnapshot:
    """What one reading of the list showed. If it has gaps, a server that it lacks may be there all the same, except
    those in `gone`: they were requested by id and not found.
    """

    rows: Mapping[str, Live]
    by_order: Mapping[str, Sequence[Live]]
    gaps: tuple[ListGap, ...] = ()
    gone: frozenset[str] = frozenset()

    def of_order(self, wait: Wait) -> Sequence[Live]:
        """Returns the rows of the order: those that name it, and those that billing names for it and that name no order
        themselves.
        """
        unnamed = (row for each in wait.ids if (row := self.rows.get(each)) is not None and row.order_id is None)
        named = self.by_order.get(wait.order_id or "", ())
        return (*named, *(replace(row, order_id=wait.order_id) for row in unnamed))

    def is_gone(self, identifier: str | None) -> bool:
        return not self.gaps or identifier in self.gone

    def may_hide(self, kind: str, names: Collection[str]) -> bool:
        return any(gap.hides(kind, names) for gap in self.gaps)
