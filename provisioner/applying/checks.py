"""What may have changed since a plan was made, asked once more right before something is bought or released.

A check raises and changes nothing; what is told of it stands in endings.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from provisioner.applying.execution import Execution
from provisioner.model.change import Change
from provisioner.model.foresight import Ware
from provisioner.model.kind import Kind
from provisioner.model.resource import Desired, Live, Phase, Recorded


class NameTaken(Exception):  # noqa: N818 - a decision, not a malfunction
    """A stranger has borne the wanted name since before this run."""

    def __init__(self, name: str, stranger: Live) -> None:
        super().__init__(stranger.id)
        self.name = name
        self.stranger = stranger


class SoldOut(Exception):  # noqa: N818 - a decision, not a malfunction
    """What was to be bought in a server's place cannot be had any more."""

    def __init__(self, ware: Ware) -> None:
        super().__init__(ware.flavor)
        self.ware = ware


class OrderShared(Exception):  # noqa: N818 - a decision, not a malfunction
    """Ending the order would release others that the plan does not name."""

    def __init__(self, others: Sequence[Live]) -> None:
        super().__init__(", ".join(row.id for row in others))
        self.others = others


class ShowsAgain(Exception):  # noqa: N818 - a decision, not a malfunction
    """What was gone when the plan was made, and is to be forgotten, is there."""


class GoneMeanwhile(Exception):  # noqa: N818 - a decision, not a malfunction
    """What is to be taken over was there when the plan was made, and is not any more."""


def refuse_stranger(execution: Execution, kind: Kind, wanted: Iterable[Desired]) -> None:
    """Asked before a replacement's release too: to release and then not to buy would be the worst of both. Raises NameTaken."""
    for desired in wanted:
        if (stranger := execution.stranger(desired.name, kind)) is not None:
            raise NameTaken(desired.name, stranger)


async def refuse_sold_out(execution: Execution, kind: Kind, change: Change) -> None:
    """Right before the release: what was in stock when the plan was made need not be. A release that has begun is not undone.
    Raises SoldOut.
    """
    assert change.desired is not None  # only what is wanted is replaced
    has_begun = change.recorded and change.recorded.phase is Phase.DELETING
    if execution.market is None or has_begun or execution.interruption.requested:
        return
    ware = kind.ware(change.desired.fields)
    if await execution.market.is_sold_out(ware):
        raise SoldOut(ware)


def refuse_companions(execution: Execution, kind: Kind, recorded: Recorded, live: Live | None) -> None:
    """An order is ended as a whole. Raises OrderShared."""
    others = execution.companions(recorded) if kind.ends_its_order(recorded, live) else []
    if others:
        raise OrderShared(others)
