"""Anomalies of a cloud beside lost replies: replies that name another server, wrong dates, rows in another case; and sibling states.

The tool's own code observes the dates, and reads the sibling state.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
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
NODE_DIFFERENCE = 13 * MINUTE
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
    """Another state of the same folder, which cannot be read for two hours."""

    NONE = "none"
    OWNS_NOTHING = "unreadable, and owns nothing of it"
    OWNS_THE_STRANGER = "unreadable, and owns the stranger"


class View(Enum):
    """How the runs after the first one see the server, until at the end they see everything as it is."""

    WHOLE = "whole"
    COLLEAGUES = "another user's own list"
    RENAMED = "under another name"
    RESPELT = "in another case"
    OTHERWISE = "with its flavor and its image in another case"
    ID = "with its id in another case"
    CHANGING = "with its flavor, its image and its id in another case at every other look"


@dataclass(frozen=True)
class _AnswerDate:
    ahead: float = 0.0
    is_cached: bool = False


_RIGHT, _FAST, _FAR, _KEPT = (
    _AnswerDate(),
    _AnswerDate(NODE_DIFFERENCE),
    _AnswerDate(40 * MINUTE),
    _AnswerDate(-HOURS, is_cached=True),
)
_DATES: Mapping[Clocks, tuple[tuple[_AnswerDate, ...], tuple[_AnswerDate, ...]]] = {
    Clocks.NODES_TOGETHER: ((_FAST, _RIGHT), (_RIGHT, _FAST)),
    Clocks.NODES_LATER: ((_RIGHT,), (_RIGHT, _FAST)),
    Clocks.NODES_FIRST: ((_RIGHT, _FAST), (_FAST,)),
    Clocks.NODES_FAR: ((_FAR, _RIGHT), (_RIGHT, _FAR)),
    Clocks.NODES_ONE_A_RUN: ((_RIGHT,), (_FAST,)),
    Clocks.CLOUD_AHEAD: ((_RIGHT,), (_AnswerDate(HOURS),)),
    Clocks.CACHED_FIRST: ((_KEPT,), (_RIGHT,)),
    Clocks.CACHED: ((_RIGHT, _KEPT), (_KEPT, _RIGHT)),
}
"""The dates of the answers, in turn: those that the first run gets, and those that the later runs get."""


class ObservedTime:
    """The time as one run observes it from the dates of its answers."""

    def __init__(self, clocks: Clocks, clock: ManualClock, *, is_first: bool) -> None:
        self._dates = _DATES.get(clocks, ((_RIGHT,), (_RIGHT,)))[not is_first]
        self._clock = clock
        self._told = ServerTime(Clock(clock.now, clock.monotonic, clock.sleep, lambda: 0.5))
        self._answers = 0
        self.is_a_witness = clocks in _BY_TWO
        self._here = HOURS if clocks is Clocks.MACHINE_AHEAD and not is_first else 0.0
        self._is_right = clocks not in _DATES
        for _ in self._dates:  # a run gets some answers before it asks for servers
            self.observe_answer()

    def observe_answer(self) -> None:
        if self._is_right:
            return
        date = self._dates[self._answers % len(self._dates)]
        self._answers += 1
        when = datetime.fromtimestamp(self._clock.now() / 1000 + date.ahead, UTC)
        headers = {"date": format_datetime(when, usegmt=True)} | ({"age": "10800"} if date.is_cached else {})
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
        """The time by this machine's clock, or None where that does not count."""
        return self._clock.now() + round(self._here * 1000) if self.is_a_witness else None


_BY_TWO = frozenset({Clocks.NODES_ONE_A_RUN, Clocks.CLOUD_AHEAD, Clocks.MACHINE_AHEAD})
"""Where both the cloud's dates and the machine's clock are needed. Elsewhere the machine's clock does not count, as with a sandbox
    whose clock is moved.
"""


@dataclass
class SiblingStore:
    """A store that knows its sibling states only."""

    siblings: Callable[[Collection[str]], Siblings]


def other_states(sibling: Sibling, *, is_unread: bool, stranger: str | None) -> OtherStates:
    """Returns the other states as the workflow asks them. `stranger`: the id of the stranger's server, or None."""
    label = "demo.prod"
    owned = [stranger] if sibling is Sibling.OWNS_THE_STRANGER and stranger else []
    state = a_state(*(a_recorded("theirs", id=one) for one in owned))
    beside = Siblings({}, {label: "it was cut short"}) if is_unread else Siblings({label: state}, {})
    store: Any = SiblingStore(lambda _tokens: beside)
    return OtherStates(store, CATALOGUE, IDENTITY)


def respelling(view: View, look: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Returns how the view changes a row. `look` is the number of the read, as one view changes from read to read."""
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
