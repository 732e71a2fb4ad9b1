"""Appends whose outcome is unknown at first: the same bytes are appended again until it is known."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, TypeVar

from provisioner.model.state import JournalHead
from provisioner.store.clock import StoreClock
from provisioner.store.contract import Log, Undecided

Result = TypeVar("Result")
_AT_ONCE: Final = 3
"""How many attempts follow each other without a pause."""
_PAUSE: Final = 1.0


def append_until_known(
    log: Log,
    after: JournalHead,
    lines: bytes,
    *,
    mentions: Collection[str] = (),
    sending: bool,
    clock: StoreClock,
    patience: float,
) -> JournalHead:
    """Append `lines`, which bring `mentions`, behind `after`, and return the new head.

    Raises what `Log.append` raises; Undecided only after `patience` seconds and three attempts.
    """
    return _repeat(lambda: log.append(after, lines, sending=sending, mentions=mentions), clock=clock, patience=patience)


def close_until_known(log: Log, after: JournalHead, lines: bytes, *, clock: StoreClock, patience: float) -> None:
    """Close the log with `lines` behind `after`. Raises what `append_until_known` raises."""
    _repeat(lambda: log.close(after, lines), clock=clock, patience=patience)


def _repeat(attempt_once: Callable[[], Result], *, clock: StoreClock, patience: float) -> Result:
    began_at, attempt = clock.elapsed(), 0
    while True:
        attempt += 1
        try:
            return attempt_once()
        except Undecided:
            if attempt >= _AT_ONCE and clock.elapsed() - began_at >= patience:
                raise
        if attempt >= _AT_ONCE:
            clock.sleep(_PAUSE)
