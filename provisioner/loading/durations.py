"""Parses the durations of specs: `60m`, `1h30m`, `90s`, or a number of seconds."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

_DURATION = re.compile(r"(?=.)(?:([0-9]{1,4})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,7})s)?")


def _seconds(value: Any) -> float:
    if isinstance(value, str) and (found := _DURATION.fullmatch(value)):
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        value = hours * 3600 + minutes * 60 + seconds
    if not isinstance(value, (int, float)) or isinstance(value, bool) or value <= 0:
        raise ValueError('write a time like "60m", "1h30m", "90s", or a number of seconds')
    return float(value)


Seconds = Annotated[float, BeforeValidator(_seconds)]
"""A duration in seconds, greater than 0."""
