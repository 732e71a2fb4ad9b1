"""Renders what is under way in a stack: the run at work, and the servers that no run waits for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from provisioner.model.run_progress import RunProgress
from provisioner.model.time_text import format_time
from provisioner.model.time_text import timestamp as rfc3339
from provisioner.model.under_way import AWAITED, OVER, ServerStage, ServerUnderWay
from provisioner.rendering.lock_wait import holder_document, holder_text, progress_document
from provisioner.rendering.machine import Document
from provisioner.rendering.stream import stream_line
from provisioner.rendering.style import Style, escape
from provisioner.rendering.table import table_text
from provisioner.rendering.wording import duration, pluralize

if TYPE_CHECKING:
    from provisioner.store import LockHolder

_HEADINGS = ("address", "stage", "since", "status", "server", "order")
_NEXT = {
    ServerStage.IN_DOUBT: "`provisioner apply` looks for what became of the purchases in doubt.",
    ServerStage.UNSETTLED: "`provisioner apply` finds out what became of the calls whose outcome is not known.",
    ServerStage.AWAITING_PAYMENT: "`provisioner orders list` shows the orders that await payment, and `provisioner orders pay` pays one.",
    ServerStage.UNFINISHED: "`provisioner apply` finishes the changes that are half done.",
    ServerStage.FAILED: "`provisioner plan` shows what has failed, and what apply would do about it.",
}


def run_line(holder: LockHolder, progress: RunProgress | None, *, now: int) -> str:
    """Returns who is at work and how far it is. `now` is in milliseconds since the epoch."""
    return holder_text(holder, now=now) + (", nothing is begun yet" if progress is None else f", {progress}")


def wait_line(awaited: Sequence[ServerUnderWay], seconds: float) -> str:
    """Returns what is waited for, after so many seconds."""
    return f"Waiting: {_counted(awaited)}... {duration(seconds)}"


def render_progress(
    holder: LockHolder | None,
    progress: RunProgress | None,
    servers: Sequence[ServerUnderWay],
    style: Style,
    *,
    now: int,
) -> str:
    """Returns what is under way, and what to do next. `now` is in milliseconds since the epoch."""
    parts = [] if holder is None else [f"{run_line(holder, progress, now=now)}\n"]
    if servers:
        lines = [f"{_counted(servers)}.", *_next_steps(servers)]
        table = table_text(_HEADINGS, map(_cells, servers), style)
        parts.append(f"{table}\n" + "".join(f"{style.complete(line)}\n" for line in lines))
    return "\n".join(parts) or "Nothing is under way.\n"


def _cells(one: ServerUnderWay) -> tuple[str, ...]:
    since = "" if one.since is None else format_time(one.since)
    facts = (str(one.address), stage_text(one.stage), since, one.status, one.id or "", one.order_id or "")
    return tuple(map(escape, facts))


def stage_text(stage: ServerStage) -> str:
    return stage.value.replace("_", " ")


def _counted(servers: Sequence[ServerUnderWay]) -> str:
    counts = Counter(one.stage for one in servers)
    return ", ".join(f"{counts[stage]} {stage_text(stage)}" for stage in ServerStage if counts[stage])


def _next_steps(servers: Sequence[ServerUnderWay]) -> Iterator[str]:
    stages = {one.stage for one in servers}
    if stages & AWAITED:
        yield "No run waits for what goes on in the cloud: `provisioner progress --wait` does, and `provisioner apply` records it."
    elif stages & OVER:
        ended = sum(one.stage in OVER for one in servers)
        yield f"What became of {pluralize(ended, 'server')} is not recorded yet: `provisioner apply` records it."
    yield from (text for stage, text in _NEXT.items() if stage in stages)


def run_progress_document(
    holder: LockHolder, progress: RunProgress | None, *, message: str, timestamp: str
) -> Document:
    """Returns the line of a stream about the run at work. `progress` is null while it has begun nothing."""
    return {
        **stream_line("run_progress", level="info", message=message, timestamp=timestamp),
        "holder": holder_document(holder),
        "progress": None if progress is None else progress_document(progress),
    }


def servers_document(servers: Sequence[ServerUnderWay], *, message: str, timestamp: str) -> Document:
    """Returns the line of a stream about the servers that are waited for."""
    return {
        **stream_line("servers_under_way", level="info", message=message, timestamp=timestamp),
        "servers": [_server(one) for one in servers],
    }


def progress_summary_document(
    holder: LockHolder | None,
    progress: RunProgress | None,
    servers: Sequence[ServerUnderWay],
    *,
    is_cloud_read: bool,
    exit_code: int,
    timestamp: str,
) -> Document:
    """Returns the last line of a stream: all that is under way, by server and counted by stage."""
    counts = Counter(one.stage for one in servers)
    at_work = [] if holder is None else [f"{holder.who} is at work"]
    message = "; ".join((*at_work, *filter(None, [_counted(servers)]))) or "Nothing is under way."
    return {
        **stream_line("progress_summary", level="info", message=message, timestamp=timestamp),
        "holder": None if holder is None else holder_document(holder),
        "progress": None if progress is None else progress_document(progress),
        "servers": [_server(one) for one in servers],
        "counts": {stage.value: counts[stage] for stage in ServerStage},
        "cloud_read": is_cloud_read,
        "exit_code": exit_code,
    }


def _server(one: ServerUnderWay) -> Document:
    return {
        "address": str(one.address),
        "stage": one.stage.value,
        "since": None if one.since is None else rfc3339(one.since, timespec="milliseconds"),
        "status": one.status or None,
        "id": one.id,
        "order_id": one.order_id,
    }
