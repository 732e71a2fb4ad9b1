"""Warns in a plan when purchases cannot be dated, or the clocks of the cloud and of this machine are far apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from provisioner.applying import CloudSnapshot
from provisioner.cloud import Cloud
from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.time_text import format_time

UNDATED: Final = "cloud-undated"
UNDATED_HINT: Final = "something on the way, such as a proxy or a cache, changes the answers. Have it pass on the cloud's Date and not answer by itself"
_TOLERANCE: Final = 15 * 60 * 1000
"""How far the clocks of a gateway's nodes may differ, in milliseconds (docs/api/devserver-api.md section 6.1)."""


def undated_summary(why: str) -> str:
    return f"the cloud's answers {why}, so a purchase could not be dated"


def clock_notes(cloud: Cloud, snapshot: CloudSnapshot) -> Iterator[Diagnostic]:
    if snapshot.server_time is None:
        yield warning(
            UNDATED, f"{undated_summary(cloud.time().unknown_because)}: apply would send nothing", hint=UNDATED_HINT
        )
    elif snapshot.local_time is not None and abs(difference := snapshot.server_time - snapshot.local_time) > _TOLERANCE:
        direction = "ahead of" if difference > 0 else "behind"
        yield warning(
            "clocks-differ",
            f"the cloud's clock is {abs(difference) // 60_000} minutes {direction} this machine's: {format_time(snapshot.server_time)} there, {format_time(snapshot.local_time)} here",
            detail="a purchase in doubt counts as never carried out only once the quiet period is over by both clocks",
            hint="correct this machine's clock if it is wrong; otherwise something on the way changes the Date of the cloud's answers",
        )
