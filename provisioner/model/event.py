"""The events and results of a run, for the screen, the log and the JSON stream. They never influence the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from provisioner.model.action import Action
from provisioner.model.address import Address
from provisioner.model.diagnostic import Diagnostic, Severity
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
    NOT_AWAITED = "not_awaited"
    """The run leaves it under way, because it was told not to wait."""
    SKIPPED = "skipped"
    NOTICE = "notice"
    PAUSED = "paused"
    """The cloud makes the whole run wait. Emitted again from time to time while it does."""
    UNANSWERED = "unanswered"
    """A request has been without an answer for long. Emitted again from time to time while it is."""
    READING = "reading"
    """Reading, in many requests that are all answered, has taken long. Emitted again from time to time while it goes
    on, and omitted shortly after another event.
    """


@dataclass(frozen=True, slots=True)
class Event:
    """`elapsed` is the seconds since this address was started, or since this request was sent; `remaining` is the
    seconds until a pause ends; `detail` is a status or a sentence for the reader.
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
    """The action failed, but the server is bought and exists."""


Listener: TypeAlias = Callable[[Event], None]


class ResultType(StrEnum):
    DONE = "done"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    INCOMPLETE = "incomplete"
    """Recorded and resumable: timed out, awaiting payment or approval, or detached by an interrupt."""
    NOT_AWAITED = "not_awaited"
    """Sent and recorded; the cloud builds or releases it, and the run was told not to wait for that."""
    NOT_STARTED = "not_started"


@dataclass(frozen=True, slots=True)
class Result:
    """How the work on one address ended. `diagnostic` says what happened and what to do next; None if it is done."""

    address: Address
    action: Action
    type: ResultType
    diagnostic: Diagnostic | None = None
    released: bool = False
    """The old server of a replacement is gone, however the purchase of the new one ended."""
    leftovers: tuple[Leftover, ...] = ()
    """What the cloud keeps of the released server."""
    built: bool = False
    """The action failed in part: the server is bought and exists, but not as it was declared."""
    vanished: bool = False
    """The old server of a replacement was gone before, so that nothing was released."""
    leaves_doubt: bool = False
    """The journal holds a purchase of this run whose outcome the next run has to find out."""

    @property
    def message(self) -> str:
        """What happened and why, for a line that already names the address; empty if it is done."""
        if self.diagnostic is None:
            return ""
        summary, detail = self.diagnostic.summary, self.diagnostic.detail
        return f"{summary}: {detail}" if detail else summary


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended: one result per address that had work. `interrupted`: a person or the system stopped it."""

    results: tuple[Result, ...]
    interrupted: bool = False
    noun: str = "server"
    """What messages call one resource of the plan."""
    findings: tuple[Diagnostic, ...] = ()
    """What was noticed after the work. An error among them makes the run incomplete."""

    @property
    def has_errors_afterwards(self) -> bool:
        return any(finding.severity is Severity.ERROR for finding in self.findings)

    @property
    def leftovers(self) -> tuple[tuple[Address, Leftover], ...]:
        return tuple((result.address, leftover) for result in self.results for leftover in result.leftovers)

    def of_type(self, kind: ResultType) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.type is kind)

    def count_done(self, *actions: Action) -> int:
        return sum(result.type is ResultType.DONE and result.action in actions for result in self.results)

    @property
    def added(self) -> int:
        """How many servers were bought, including those that exist but are not as they were declared."""
        bought = {Action.CREATE, Action.REPLACE}
        return self.count_done(*bought) + sum(result.built and result.action in bought for result in self.results)

    @property
    def changed(self) -> int:
        return self.count_done(Action.UPDATE, Action.REINSTALL)

    @property
    def destroyed(self) -> int:
        """How many servers were released, including those whose replacement was then not bought."""
        releasing = [result for result in self.results if not result.vanished]
        unreplaced = sum(result.released and result.type is not ResultType.DONE for result in releasing)
        done = sum(one.type is ResultType.DONE and one.action in {Action.DELETE, Action.REPLACE} for one in releasing)
        return done + unreplaced
