"""Runs a flow with a list of replies, and returns the steps that it took and its result."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any

from provisioner.model.flow import Call, CallFailed, Outcome, Reply, Wait


class Unfinished(AssertionError):  # noqa: N818 - a condition that tests look at
    """The replies ran out before the flow ended; `steps` is how far it came."""

    def __init__(self, steps: list[Any]) -> None:
        super().__init__(f"no reply is left for {steps[-1]}")
        self.steps = steps


@dataclass(frozen=True, slots=True)
class Played:
    """`result` is what the flow returned; `steps` is everything it asked for, in order."""

    result: Any
    steps: tuple[Any, ...]

    @property
    def calls(self) -> list[str]:
        return [f"{step.method} {step.path}" for step in self.steps if isinstance(step, Call)]

    def of(self, kind: type) -> list[Any]:
        return [step for step in self.steps if isinstance(step, kind)]


def play(flow: Generator[Any, Any, Any], replies: Iterable[Any] = ()) -> Played:
    """Only calls and waits take a reply; an exception among the replies is thrown in. A wait that asks for a row gets
    one that settles it, or the row of its last look.
    """
    waiting = iter(replies)
    steps: list[Any] = []
    answer: Any = None
    try:
        while True:
            step = flow.throw(answer) if isinstance(answer, Exception) else flow.send(answer)
            steps.append(step)
            answer = None
            if isinstance(step, Call | Wait):
                answer = _next(waiting, steps)
                if isinstance(step, Wait) and not isinstance(answer, Exception):
                    assert step.settled(answer) or step.max_polls is not None, f"{answer} ends no such wait"
    except StopIteration as stop:
        assert next(waiting, None) is None, "the flow ended before all replies were used"
        return Played(stop.value, tuple(steps))


def converse(flow: Generator[Any, Any, Any], answer: Callable[[Call], Any]) -> Any:
    """For flows of calls only: `answer` plays the cloud, and gives a reply or an exception."""
    reply: Any = None
    try:
        while True:
            reply = answer(flow.throw(reply) if isinstance(reply, Exception) else flow.send(reply))
    except StopIteration as stop:
        return stop.value


def _next(waiting: Any, steps: list[Any]) -> Any:
    try:
        return next(waiting)
    except StopIteration:
        raise Unfinished(steps) from None


def ok(**body: Any) -> Reply:
    return Reply(200, body, request_id="request-1")


def refused(code: str | None = None, *, status: int = 400, message: str = "no") -> CallFailed:
    return CallFailed(Outcome.REFUSED, message, status=status, code=code)


NOT_FOUND = "ModelArts.6404"
