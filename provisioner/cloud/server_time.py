"""What time it is in the cloud, as ModelArts' own answers tell it, carried on by a clock that nobody sets.

The nodes of a gateway differ from each other, and so do services. Whoever asks how long ago something was takes the reading that
makes it the shortest: `latest` when a request is sent, `earliest` when its outcome is judged (docs/decisions/0008).
"""

from __future__ import annotations

from provisioner.cloud.clock import Clock


class ServerTime:
    """All times are milliseconds since the epoch, None while no answer has told one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead: tuple[int, int] | None = None
        """By how much the slowest and the fastest node heard so far are ahead of our own monotonic clock."""
        self.unknown_because = "have not come"
        """Why no answer has told a time, as the rest of a sentence about the answers; it means nothing once one has."""

    def observe(self, told: int | None, why: str = "") -> None:
        if told is None:
            self.unknown_because = why or self.unknown_because
            return
        ahead = told - self._now()
        slowest, fastest = self._ahead or (ahead, ahead)
        self._ahead = min(slowest, ahead), max(fastest, ahead)

    def earliest(self) -> int | None:
        """It is this late at least."""
        return None if self._ahead is None else self._now() + self._ahead[0]

    def latest(self) -> int | None:
        """It is this late at most."""
        return None if self._ahead is None else self._now() + self._ahead[1]

    def _now(self) -> int:
        return round(self._clock.monotonic() * 1000)
