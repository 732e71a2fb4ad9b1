"""Waits for a server, starts or stops it, and lets a change give up with a reason: steps that changes share.

Source: docs/api/devserver-api.md sections 2.1 and 4. After a start or stop the server is read back: the cloud refuses
to start a running server, so a refusal or a lost answer is judged by what the server then shows.
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
_POLLS_AFTER_A_REFUSAL = 5
_POLLS_AT_AN_OLD_FAILURE = 10
"""Right after an accepted action a list may still show the status from before, even a failure (section 4)."""


class GaveUp(Exception):  # noqa: N818 - how a change ends, not a malfunction
    """A change cannot go on, for a reason that a person must know. `ended` is how its flow ends."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.ended = Ended(Phase.READY, problem, hint)


@dataclass(frozen=True, slots=True)
class _ActionRule:
    """The statuses from which an action may be requested, and the status that it leads to."""

    action: str
    starts: frozenset[str]
    goal: str
    body: Fields | None = None


_ACTIONS: Mapping[Power, _ActionRule] = {
    "running": _ActionRule("start", frozenset({rows.STOPPED, "STOP_FAILED", "START_FAILED"}), rows.RUNNING, body={}),
    "stopped": _ActionRule("stop", frozenset({rows.RUNNING, "STOP_FAILED"}), rows.STOPPED),
}


def wanted_power(desired: Desired) -> Power | None:
    """Returns the declared power, or None where the specs declare or manage none."""
    if ("power",) in desired.lifecycle.ignore_changes:
        return None
    match desired.fields.get("power"):
        case "running":
            return "running"
        case "stopped":
            return "stopped"
        case _:
            return None


def wait_for_status(
    identifier: str, statuses: frozenset[str], *, max_polls: int | None = None
) -> Generator[Step, Answer, Live]:
    """Waits until the server has one of `statuses`, for `max_polls` polls at most. Raises GaveUp when it is gone."""
    return (yield from wait_until(identifier, lambda row: row.status in statuses, max_polls=max_polls))


def wait_until(
    identifier: str, settled: Callable[[Live], bool], *, max_polls: int | None = None
) -> Generator[Step, Answer, Live]:
    """Waits until the server's row satisfies `settled`, for `max_polls` polls at most.

    Raises GaveUp when the server is gone.
    """
    while True:
        row = yield Wait(settled=lambda row: row is None or settled(row), id=identifier, max_polls=max_polls)
        if not isinstance(row, Live):
            row = yield from rows.show(identifier)
        if row is None:
            raise GaveUp("the server no longer exists", "run `provisioner plan`, which shows what is known about it")
        if max_polls is not None or settled(row):  # else the server exists and only the list lacks it
            return row


def set_power(row: Live, power: Power) -> Generator[Step, Answer, Live]:
    """Starts or stops the server, and waits until it has.

    Sends nothing when it has this power already. Raises GaveUp, CallFailed.
    """
    rule = _ACTIONS[power]
    failure: CallFailed | None = None
    for _ in range(_ATTEMPTS):
        if row.status == rule.goal:
            return row
        if row.status not in rule.starts:
            raise GaveUp(
                f"it is {row.status}, a status in which the cloud cannot {rule.action} it",
                "look at it in the console, then run the command again",
            )
        failure = yield from _request(row.id, rule)
        row = yield from wait_for_status(row.id, rows.STABLE - {row.status}, max_polls=_max_polls(row, failure))
    if row.status == rule.goal:
        return row
    if failure is not None:
        raise failure
    raise GaveUp(
        f"it was told to {rule.action} and shows {row.status}",
        "look at it in the console, then run the command again, which tries once more",
    )


def _request(identifier: str, rule: _ActionRule) -> Generator[Step, Answer, CallFailed | None]:
    """Requests the action.

    Returns a refusal or a lost answer, as the server itself then shows more than the answer does.
    """
    path = f"{rows.server_path(identifier)}/{rule.action}"
    try:
        yield Call(Service.MODELARTS, "PUT", path, Effect.REPEATABLE, body=rule.body)
    except CallFailed as failed:
        if failed.outcome not in {Outcome.REFUSED, Outcome.UNKNOWN}:
            raise
        return failed
    return None


def _max_polls(row: Live, failure: CallFailed | None) -> int | None:
    if failure is not None:
        return _POLLS_AFTER_A_REFUSAL
    return _POLLS_AT_AN_OLD_FAILURE if row.status in rows.ADVERSE else None
