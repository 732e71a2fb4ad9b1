"""What a run announces while it works: values for the screen, the log and the JSON stream, with no say in the work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from provisioner.model.action import Action
from provisioner.model.address import Address
from provisioner.model.diagnostic import Diagnostic
from provisioner.model.leftover import Leftover


class EventType(StrEnum):
    STARTED = "started"
    BOUGHT = "bought"
    WAITING = "waiting"
    FINISHED = "finished"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    ADOPTED = "adopted"
    SETTLED = "settled"
    DETACHED = "detached"
    SKIPPED = "skipped"
    NOTICE = "notice"
    PAUSED = "paused"
    """The cloud makes the whole run wait; said again from time to time while it does."""
    UNANSWERED = "unanswered"
    """A request has had no answer for long; said again from time to time while it has none."""
    READING = "reading"
    """Many requests, each answered, have gone on for long; said again from time to time while they do. Passed over where somebody was
    told something else shortly before.
    """


@dataclass(frozen=True, slots=True)
class Event:
    """`elapsed` is seconds since this address was started, or this request was sent; `remaining` those that a pause has still to go; `detail` is a status
    or a sentence for the reader.
    """

    type: EventType
    address: Address | None = None
    action: Action | None = None
    detail: str = ""
    id: str | None = None
    order_id: str | None = None
    elapsed: float = 0.0
    diagnostic: Diagnostic | None = None
    remaining: float = 0.0
    requests: int = 0
    built: bool = False
    """Of what failed: the server is bought and there all the same."""


Listener: TypeAlias = Callable[[Event], None]


class ResultType(StrEnum):
    DONE = "done"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    INCOMPLETE = "incomplete"
    """Recorded and resumable: timed out, awaiting payment or approval, or detached by an interrupt."""
    NOT_STARTED = "not_started"


@dataclass(frozen=True, slots=True)
class Result:
    """How one address ended. `diagnostic` says what happened and what to do next, unless it is done."""

    address: Address
    action: Action
    type: ResultType
    diagnostic: Diagnostic | None = None
    released: bool = False
    """A replacement's old server is gone, whatever became of the new one."""
    leftovers: tuple[Leftover, ...] = ()
    """What the cloud has kept of the server that is gone."""
    built: bool = False
    """It failed in part: the server is bought and there, and not as it was declared."""

    @property
    def message(self) -> str:
        """What happened and why, for a line that names the address already; empty when it is done."""
        if self.diagnostic is None:
            return ""
        finding = self.diagnostic
        return f"{finding.summary}: {finding.detail}" if finding.detail else finding.summary


@dataclass(frozen=True, slots=True)
class RunResult:
    """The end of a run: one result an address that had work; `interrupted` when a person or the system stopped it."""

    results: tuple[Result, ...]
    interrupted: bool = False
    noun: str = "server"
    """As the plan has it."""

    @property
    def leftovers(self) -> tuple[tuple[Address, Leftover], ...]:
        return tuple((result.address, leftover) for result in self.results for leftover in result.leftovers)

    def of_type(self, kind: ResultType) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.type is kind)

    def done(self, *actions: Action) -> int:
        return sum(result.type is ResultType.DONE and result.action in actions for result in self.results)

    @property
    def added(self) -> int:
        """Those included that are not as they were declared."""
        bought = {Action.CREATE, Action.REPLACE}
        return self.done(*bought) + sum(result.built and result.action in bought for result in self.results)

    @property
    def changed(self) -> int:
        return self.done(Action.UPDATE, Action.REINSTALL)

    @property
    def destroyed(self) -> int:
        """Released servers, those included whose replacement was then not bought."""
        unreplaced = sum(result.released and result.type is not ResultType.DONE for result in self.results)
        return self.done(Action.DELETE, Action.REPLACE) + unreplaced
