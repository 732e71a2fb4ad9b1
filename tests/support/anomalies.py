"""What an untidy cloud does beside losing replies: it names other servers, dates its answers otherwise, and spells its rows otherwise.

And what a sibling state may be like. The tool's own code hears the dates, and asks about the sibling.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import Enum
from typing import Any

from support.builders import IDENTITY, a_recorded, a_state
from support.simulation import ManualClock

from provisioner.cloud.clock import Clock
from provisioner.cloud.server_time import ServerTime
from provisioner.kinds import CATALOGUE
from provisioner.store import Siblings
from provisioner.web import HttpAnswer
from provisioner.workflow.sibling_states import OtherStates

MINUTE = 60.0
NODES_DIFFER = 13 * MINUTE
"""Within the tolerance of the gateway, which takes a signature for 15 minutes."""
HOURS = 180 * MINUTE


class Reply(Enum):
    """Which id the answer to the first purchase names."""

    OURS = "our own"
    LISTED = "one that was listed before"
    LISTED_ORDER = "the order of a server that was listed before"
    UNHEARD_OF = "one that no list ever shows"


class Clocks(Enum):
    TRUE = "right"
    NODES_TOGETHER = "of two nodes, 13 minutes apart, of which each run hears both"
    NODES_LATER = "of two nodes, 13 minutes apart, of which the first run hears the slow one, the others both"
    NODES_FIRST = "of two nodes, 13 minutes apart, of which the first run hears both, the others the fast one"
    NODES_FAR = "of two nodes, 40 minutes apart, of which each run hears both"
    NODES_ONE_A_RUN = (
        "of two nodes, 13 minutes apart, of which the first run hears the slow one, the others the fast one"
    )
    CLOUD_AHEAD = "of a cloud that is three hours ahead from the second run on"
    CACHED_FIRST = "of a cache in the first run, and of the cloud in the others"
    CACHED = "of a cache that has kept every other answer for three hours"
    MACHINE_AHEAD = "of a machine that is three hours ahead in all runs but the first"


class Sibling(Enum):
    """Of the folder: it cannot be read for two hours."""

    NONE = "none"
    OWNS_NOTHING = "unreadable, and owns nothing of it"
    OWNS_THE_STRANGER = "unreadable, and owns the stranger"


class View(Enum):
    """What the runs after the first see, until at last everything is seen as it is."""

    WHOLE = "whole"
    COLLEAGUES = "another user's own list"
    RENAMED = "under another name"
    RESPELT = "in another case"
    OTHERWISE = "with its flavor and its image in another case"
    ID = "with its id in another case"
    CHANGING = "with its flavor, its image and its id in another case at every other look"


@dataclass(frozen=True)
class _Heard:
    ahead: float = 0.0
    is_cached: bool = False


_TRUE, _FAST, _FAR, _KEPT = _Heard(), _Heard(NODES_DIFFER), _Heard(40 * MINUTE), _Heard(-HOURS, is_cached=True)
_DATES: Mapping[Clocks, tuple[tuple[_Heard, ...], tuple[_Heard, ...]]] = {
    Clocks.NODES_TOGETHER: ((_FAST, _TRUE), (_TRUE, _FAST)),
    Clocks.NODES_LATER: ((_TRUE,), (_TRUE, _FAST)),
    Clocks.NODES_FIRST: ((_TRUE, _FAST), (_FAST,)),
    Clocks.NODES_FAR: ((_FAR, _TRUE), (_TRUE, _FAR)),
    Clocks.NODES_ONE_A_RUN: ((_TRUE,), (_FAST,)),
    Clocks.CLOUD_AHEAD: ((_TRUE,), (_Heard(HOURS),)),
    Clocks.CACHED_FIRST: ((_KEPT,), (_TRUE,)),
    Clocks.CACHED: ((_TRUE, _KEPT), (_KEPT, _TRUE)),
}
"""What the answers of the first run, and those of the others, say in turn."""


class ObservedTime:
    """What one run hears of the time."""

    def __init__(self, clocks: Clocks, clock: ManualClock, *, is_first: bool) -> None:
        self._heard = _DATES.get(clocks, ((_TRUE,), (_TRUE,)))[not is_first]
        self._clock = clock
        self._told = ServerTime(Clock(clock.now, clock.monotonic, clock.sleep, lambda: 0.5))
        self._answers = 0
        self.is_a_witness = clocks in _BY_TWO
        self._here = HOURS if clocks is Clocks.MACHINE_AHEAD and not is_first else 0.0
        self._is_right = clocks not in _DATES
        for _ in self._heard:  # finding out the account takes some answers
            self.hear()

    def hear(self) -> None:
        if self._is_right:
            return
        heard = self._heard[self._answers % len(self._heard)]
        self._answers += 1
        when = datetime.fromtimestamp(self._clock.now() / 1000 + heard.ahead, UTC)
        headers = {"date": format_datetime(when, usegmt=True)} | ({"age": "10800"} if heard.is_cached else {})
        answer = HttpAnswer(200, headers, b"")
        if answer.is_fresh:
            self._told.observe(answer.server_time)

    @property
    def earliest(self) -> int | None:
        return self._clock.now() if self._is_right else self._told.earliest()

    @property
    def latest(self) -> int | None:
        return self._clock.now() if self._is_right else self._told.latest()

    @property
    def here(self) -> int | None:
        """By the machine, where it is a witness."""
        return self._clock.now() + round(self._here * 1000) if self.is_a_witness else None


_BY_TWO = frozenset({Clocks.NODES_ONE_A_RUN, Clocks.CLOUD_AHEAD, Clocks.MACHINE_AHEAD})
"""Where only both witnesses together are right. In the others the machine tells nothing, as where the sandbox's clock is moved."""


@dataclass
class SiblingStore:
    """A store of which nothing is known but what stands beside it."""

    siblings: Callable[[], Siblings]


def elsewhere(sibling: Sibling, *, is_unread: bool, stranger: str | None) -> OtherStates:
    """`stranger`: the id of the server that somebody else has bought, or None."""
    label = "demo.prod"
    owned = [stranger] if sibling is Sibling.OWNS_THE_STRANGER and stranger else []
    state = a_state(*(a_recorded("theirs", id=one) for one in owned))
    beside = Siblings({}, {label: "it was cut short"}) if is_unread else Siblings({label: state}, {})
    store: Any = SiblingStore(lambda: beside)
    return OtherStates(store, CATALOGUE, IDENTITY)


def spelling(view: View, look: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """How rows are shown."""
    match view:
        case View.RENAMED:
            return lambda row: {**row, "name": "somebodys"}
        case View.RESPELT:
            return _upper("name")
        case View.OTHERWISE:
            return _upper("flavor", "image")
        case View.ID:
            return _upper("id")
        case View.CHANGING if look % 2:
            return _upper("flavor", "image", "id")
        case _:
            return lambda row: row


def _upper(*keys: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def spelt(value: Any) -> Any:
        return (
            {key: str(each).upper() for key, each in value.items()} if isinstance(value, dict) else str(value).upper()
        )

    return lambda row: {key: spelt(value) if key in keys else value for key, value in row.items()}
