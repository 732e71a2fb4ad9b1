"""Estimates the current time of a cloud service from the dates of its answers and a monotonic clock that nobody sets.

The nodes of a gateway differ from each other, and so do services. To find out how long ago something was, use the
reading that makes it shortest: `latest` when a request is sent, `earliest` when its outcome is decided
(docs/decisions/0008).
"""

from __future__ import annotations

from provisioner.cloud.clock import Clock


class ServerTime:
    """The time of one service. All times are milliseconds since the epoch, and None until an answer has stated one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead: tuple[int, int] | None = None
        """Milliseconds by which the slowest and the fastest node seen so far are ahead of our monotonic clock."""
        self.unknown_because = "have not come"
        """Why no answer has stated a time: the predicate of a sentence whose subject is the answers.

        It is meaningless once one has.
        """

    def observe(self, time: int | None, reason: str = "") -> None:
        """Take in the time that an answer states. None means that it states none, for the given `reason`."""
        if time is None:
            self.unknown_because = reason or self.unknown_because
            return
        ahead = time - self._now()
        slowest, fastest = self._ahead or (ahead, ahead)
        self._ahead = min(slowest, ahead), max(fastest, ahead)

    def earliest(self) -> int | None:
        """Return the earliest time that it can be."""
        return None if self._ahead is None else self._now() + self._ahead[0]

    def latest(self) -> int | None:
        """Return the latest time that it can be."""
        return None if self._ahead is None else self._now() + self._ahead[1]

    def _now(self) -> int:
        return round(self._clock.monotonic() * 1000)
