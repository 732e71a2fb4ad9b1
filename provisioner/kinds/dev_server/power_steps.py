"""What every change of a living server needs: to see it, to make it run or stop, and a way to give up with a reason.

Source: docs/api/devserver-api.md sections 2.1 and 4. Starting and stopping are asked for and read back: the cloud refuses to
start what runs, so a refusal or a lost answer is judged by what the server then shows.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Literal

from provisioner.kinds.dev_server import rows
from provisioner.model.flow import Answer, Call, CallFailed, Effect, Ended, Outcome, Service, Step, Wait
from provisioner.model.resource import Desired, Fields, Live, Phase

Power = Literal["running", "stopped"]

_ATTEMPTS = 2
_LOOKS_AFTER_A_REFUSAL = 5
_LOOKS_AT_AN_OLD_FAILURE = 10
"""A list just after an accepted action may still show the status from before, also where that was a failure (section 4)."""


class GaveUp(Exception):  # noqa: N818 - how a change ends, not a malfunction
    """A change cannot go on, for a reason that a person has to hear."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.ended = Ended(Phase.READY, problem, hint)


@dataclass(frozen=True, slots=True)
class _ActionRule:
    """From which statuses an action may be asked for, and where it leads."""

    action: str
    starts: frozenset[str]
    goal: str
    body: Fields | None = None


_WAYS: Mapping[Power, _ActionRule] = {
    "running": _ActionRule("start", frozenset({rows.STOPPED, "STOP_FAILED", "START_FAILED"}), rows.RUNNING, body={}),
    "stopped": _ActionRule("stop", frozenset({rows.RUNNING, "STOP_FAILED"}), rows.STOPPED),
}


def wanted_power(desired: Desired) -> Power | None:
    """None where the specs leave it to others."""
    if ("power",) in desired.lifecycle.ignore_changes:
        return None
    match desired.fields.get("power"):
        case "running":
            return "running"
        case "stopped":
            return "stopped"
        case _:
            return None


def until(identifier: str, statuses: frozenset[str], *, looks: int | None = None) -> Generator[Step, Answer, Live]:
    """Until it has one of `statuses`, or so many looks were taken. Raises GaveUp when it is gone."""
    return (yield from until_shown(identifier, lambda row: row.status in statuses, looks=looks))


def until_shown(
    identifier: str, settled: Callable[[Live], bool], *, looks: int | None = None
) -> Generator[Step, Answer, Live]:
    """As `until`, for anything that a list shows of it."""
    while True:
        row = yield Wait(settled=lambda row: row is None or settled(row), id=identifier, max_polls=looks)
        if not isinstance(row, Live):
            row = yield from rows.show(identifier)
        if row is None:
            raise GaveUp("the server is not there any more", "run plan: it says what is known of it")
        if looks is not None or settled(row):  # else it is there, and the list lacks it
            return row


def bring(row: Live, power: Power) -> Generator[Step, Answer, Live]:
    """The server at rest in this power state; nothing is sent when it is there already. Raises GaveUp, CallFailed."""
    way = _WAYS[power]
    failure: CallFailed | None = None
    for _ in range(_ATTEMPTS):
        if row.status == way.goal:
            return row
        if row.status not in way.starts:
            raise GaveUp(
                f"it is {row.status}, from which the cloud has no way to {way.action} it",
                "look at it in the console, then run the command again",
            )
        failure = yield from _ask(row.id, way)
        row = yield from until(row.id, rows.STABLE - {row.status}, looks=_patience(row, failure))
    if row.status == way.goal:
        return row
    if failure is not None:
        raise failure
    raise GaveUp(
        f"it was asked to {way.action} and shows {row.status}",
        "look at it in the console, then run the command again: it tries once more",
    )


def _ask(identifier: str, way: _ActionRule) -> Generator[Step, Answer, CallFailed | None]:
    """What kept it from being asked, where looking at the server tells more than the answer does."""
    path = f"{rows.server_path(identifier)}/{way.action}"
    try:
        yield Call(Service.MODELARTS, "PUT", path, Effect.REPEATABLE, body=way.body)
    except CallFailed as failed:
        if failed.outcome not in {Outcome.REFUSED, Outcome.UNKNOWN}:
            raise
        return failed
    return None


def _patience(row: Live, failure: CallFailed | None) -> int | None:
    if failure is not None:
        return _LOOKS_AFTER_A_REFUSAL
    return _LOOKS_AT_AN_OLD_FAILURE if row.status in rows.ADVERSE else None
