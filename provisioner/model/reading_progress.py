"""What a command reads before it has a result, and how far it is, so that a person who waits can see it.

It is about commands as a whole. What happens to single addresses are events (event.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class ReadingStep:
    """`what` begins a sentence ("Reading the servers"). `done` of `total` parts are there; None: nobody knows how many
    there will be. `requests` is how many were sent so far, by all steps.
    """

    what: str
    done: int = 0
    total: int | None = None
    requests: int = 0


StepListener: TypeAlias = Callable[[ReadingStep], None]


class ReadingProgress:
    """Tells a listener about every step. Without one it does nothing."""

    def __init__(self, listen: StepListener | None = None) -> None:
        self._listen = listen
        self._step: ReadingStep | None = None
        self._requests = 0

    @property
    def is_shown(self) -> bool:
        return self._listen is not None

    def begin(self, what: str, *, total: int | None = None) -> None:
        self._set(ReadingStep(what, total=total, requests=self._requests))

    def advance(self) -> None:
        """Notes that another part of the step is done."""
        if self._step is not None:
            self._set(replace(self._step, done=self._step.done + 1))

    def count_requests(self, requests: int) -> None:
        """Notes how many requests were sent. It is called from time to time while the cloud is waited for."""
        self._requests = requests
        if self._step is not None:
            self._set(replace(self._step, requests=requests))

    def end(self) -> None:
        """Ends the reading: from now on events tell what happens."""
        self._step = None

    def _set(self, step: ReadingStep) -> None:
        if self._listen is not None:
            self._step = step
            self._listen(step)


NOT_SHOWN = ReadingProgress()
"""For callers that have nobody to tell."""
