"""The words and signs for actions, phases and counts, in one place, so that plan, progress and summary use the same."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.model.action import Action
from provisioner.model.change import Change
from provisioner.model.resource import Phase


@dataclass(frozen=True, slots=True)
class Words:
    """The words for one action.

    `future` completes "trainer[0] ...", and `future_of_many` "3 more ..." where that differs; `doing` ("creating") and
    `noun` ("creation") are for progress.
    """

    sign: str
    legend: str
    future: str
    doing: str
    noun: str
    future_of_many: str = ""

    @property
    def plural(self) -> str:
        return self.future_of_many or self.future


WORDS = {
    Action.CREATE: Words("+", "create", "will be created", "creating", "creation"),
    Action.UPDATE: Words("~", "update in place", "will be updated in place", "updating", "update"),
    Action.REINSTALL: Words(
        "~!",
        "reinstall in place (the system disk is wiped)",
        "will be reinstalled, its system disk is wiped",
        "reinstalling",
        "reinstallation",
        "will be reinstalled and their system disks wiped",
    ),
    Action.REPLACE: Words("-/+", "replace (destroy, then create)", "must be replaced", "replacing", "replacement"),
    Action.DELETE: Words("-", "destroy", "will be destroyed", "destroying", "destruction"),
    Action.ADOPT: Words("<=", "adopt (take over what exists)", "will be adopted", "adopting", "adoption"),
    Action.MOVE: Words("->", "move to another address (nothing is sent)", "will be moved", "moving", "move"),
    Action.FORGET: Words(".", "forget (nothing is sent)", "will be forgotten", "forgetting", "forgetting"),
    Action.RESUME: Words(">>", "resume what is under way", "will be resumed", "resuming", "resumption"),
    Action.RECORD: Words(
        "~",
        "record what the cloud shows (nothing is sent)",
        "differs from what is recorded",
        "recording",
        "recording",
        "differ from what is recorded",
    ),
    Action.PAY: Words(
        "$", "pay its order", "will have its order paid", "paying", "payment", "will have their orders paid"
    ),
    Action.CANCEL: Words(
        "x",
        "cancel its order",
        "will have its order cancelled",
        "cancelling",
        "cancellation",
        "will have their orders cancelled",
    ),
    Action.NO_OP: Words("", "no change", "is as the specs want it", "checking", "check", "are as the specs want them"),
}

CREATE_FIRST = Words("+/-", "replace (create, then destroy)", "must be replaced", "replacing", "replacement")

AGAIN = Words("+", "create again (the old one is gone)", "will be created again", "replacing", "replacement")


def words_of(change: Change) -> Words:
    """Returns the words for a change: the sign of a replacement shows which of its halves comes first, or that there is
    one half only.
    """
    if change.vanished:
        return AGAIN
    return CREATE_FIRST if change.create_first else WORDS[change.action]


UNDER_WAY = {
    Phase.ORDERING: "its order is placed, the server is not known yet",
    Phase.AWAITING_PAYMENT: "its order awaits payment or approval",
    Phase.CREATING: "it is being built",
    Phase.READY: "an earlier run left a change of it unfinished",
    Phase.REINSTALLING: "another system is being installed on it",
    Phase.FAILED: "it has failed",
    Phase.DELETING: "it is being released",
}


def pluralize(count: int, noun: str) -> str:
    """Returns the count with the noun: "1 server", "3 servers"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def duration(seconds: float) -> str:
    """Returns whole seconds as 12s, 3m05s or 1h02m."""
    minutes, rest = divmod(max(int(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"
