"""Renders a wait for the lock of another run: who holds it, since when, why, how far it is, and when the wait ends."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final

from provisioner.model.run_progress import RunProgress
from provisioner.model.time_text import format_time
from provisioner.model.time_text import timestamp as rfc3339
from provisioner.rendering.machine import Document
from provisioner.rendering.stream import stream_line
from provisioner.rendering.style import cells, escape
from provisioner.rendering.wording import duration

if TYPE_CHECKING:
    from provisioner.store import LockHolder, LockWaitStatus

_SILENT_FOR_LONG: Final = 30.0
"""Seconds without a sign of life after which it is said. A holder that works shows one every 15 seconds."""


def lock_line(wait: LockWaitStatus, *, timeout: float, now: int, width: int | None = None) -> str:
    """Returns the line that shows a wait of at most `timeout` seconds. `now` is in milliseconds since the epoch.

    Where the line is longer than `width`, what changes comes first, because its end is cut.
    """
    if wait.is_taken_over:
        return (
            f"Took over the lock of {escape(wait.holder.who)} ({escape(wait.holder.command)}), who showed no sign of life. "
            "What that run left open is looked for."
        )
    holder, progress = holder_text(wait.holder, now=now), "" if wait.progress is None else f", {wait.progress}"
    waited = f"waited {duration(int(wait.waited))}" + (f" of {duration(ceil(timeout))}" if timeout else "")
    waited += _silence(wait)
    line = f"{holder}{progress}; {waited}"
    return line if width is None or cells(line) <= width else f"{waited}{progress}; {holder}"


def _silence(wait: LockWaitStatus) -> str:
    if wait.taken_over_in is None or wait.silent_for is None:
        return ""
    left = duration(ceil(wait.taken_over_in))
    if not wait.is_alive:
        return f"; watching for a sign of life, and without one the lock is taken over in {left}"
    silence = f"no sign of life for {duration(int(wait.silent_for))}"
    return f"; {silence}, the lock is taken over in {left}" if wait.silent_for >= _SILENT_FOR_LONG else ""


def holder_text(holder: LockHolder, *, now: int) -> str:
    """Returns who holds the lock, for which command and why, and since when. The day is left out if it is that of `now`."""
    since, today = format_time(holder.since), format_time(now)[:10]
    hours = f"{since[11:16]} UTC" if since.startswith(today) else since
    return escape(f"{holder.who} is at work: {holder.command}{holder.quoted_reason}, since {hours}")


def lock_wait_document(wait: LockWaitStatus, *, timeout: float, message: str, timestamp: str) -> Document:
    """Returns the line of a JSON stream about a wait, or about its end by a take-over."""
    kind = "lock_taken_over" if wait.is_taken_over else "lock_wait"
    level = "warn" if wait.is_taken_over else "info"
    return {
        **stream_line(kind, level=level, message=message, timestamp=timestamp),
        "holder": holder_document(wait.holder),
        "progress": None if wait.progress is None else progress_document(wait.progress),
        "waited_seconds": round(wait.waited, 3),
        "timeout_seconds": timeout,
        "taken_over_in_seconds": None if wait.taken_over_in is None else round(wait.taken_over_in, 3),
    }


def holder_document(holder: LockHolder) -> Document:
    return {
        "who": holder.who,
        "command": holder.command,
        "reason": holder.reason,
        "host": holder.host,
        "pid": holder.pid,
        "since": rfc3339(holder.since, timespec="milliseconds"),
        "id": holder.id,
    }


def progress_document(progress: RunProgress) -> Document:
    return {
        "run": progress.run.run,
        "command": progress.run.command,
        "who": progress.run.who,
        "reason": progress.run.reason,
        "began": rfc3339(progress.began_at, timespec="milliseconds"),
        "planned": dict(progress.run.planned),
        "sent": progress.sent,
        "answered": progress.answered,
        "ready": progress.ready,
        "failed": progress.failed,
        "released": progress.released,
        "under_way": progress.under_way,
        "done": progress.done,
        "result": progress.result,
    }
