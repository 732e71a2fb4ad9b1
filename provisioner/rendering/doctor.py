"""Renders the checks of `doctor`, as text and as a JSON document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Final

from provisioner.model.check import Check, CheckOutcome
from provisioner.rendering.machine import FORMAT_VERSION, Document
from provisioner.rendering.style import Style, pad, wrap

_INDENT: Final = 11
_SLOW: Final = 1.0
"""Seconds from which on it is shown how long a check took."""


def render_doctor(checks: Sequence[Check], style: Style) -> str:
    """Return the checks by topic, each with what to do, and whether an apply would be stopped."""
    lines = [
        line
        for topic, found in _by_topic(checks)
        for line in (style.bold(topic.capitalize()), *_topic(found, style), "")
    ]
    return "\n".join((*lines, _verdict(checks, style))) + "\n"


def doctor_document(checks: Sequence[Check]) -> Document:
    count = Counter(check.result.outcome for check in checks)
    return {
        "format_version": FORMAT_VERSION,
        "stops_apply": any(check.stops_apply for check in checks),
        "summary": {outcome.value: count[outcome] for outcome in CheckOutcome},
        "checks": [
            {
                "topic": check.topic,
                "name": check.name,
                "outcome": check.result.outcome.value,
                "found": check.result.found,
                "hint": check.result.hint or None,
                "code": check.result.code or None,
                "seconds": round(check.seconds, 3),
            }
            for check in checks
        ],
    }


def _by_topic(checks: Sequence[Check]) -> Iterator[tuple[str, list[Check]]]:
    """Yield the topics in the order in which they first occur."""
    order = {topic: place for place, topic in enumerate(dict.fromkeys(check.topic for check in checks))}
    for topic, found in groupby(sorted(checks, key=lambda check: order[check.topic]), key=lambda check: check.topic):
        yield topic, list(found)


def _topic(checks: Sequence[Check], style: Style) -> Iterator[str]:
    for check in checks:
        yield from _check(check, style)


def _check(check: Check, style: Style) -> Iterator[str]:
    result = check.result
    code = f" [{result.code}]" if result.code else ""
    took = f" ({check.seconds:.1f} s)" if check.seconds >= _SLOW else ""
    first, *rest = wrap(f"{check.name}{code}: {result.found}{took}", style.width - _INDENT)
    yield f"  {_paint(result.outcome, style)(pad(result.outcome.value, _INDENT - 2))}{first}"
    yield from (" " * _INDENT + line for line in rest)
    if result.hint:
        hint = wrap(f"help: {style.complete(result.hint)}", style.width - _INDENT)
        yield from (" " * _INDENT + style.cyan(line) for line in hint)


def _paint(outcome: CheckOutcome, style: Style) -> Callable[[str], str]:
    return {
        CheckOutcome.OK: style.green,
        CheckOutcome.WARNING: style.yellow,
        CheckOutcome.FAILED: style.red,
        CheckOutcome.SKIPPED: style.dim,
    }[outcome]


def _verdict(checks: Sequence[Check], style: Style) -> str:
    count = Counter(check.result.outcome for check in checks)
    summary = f"{len(checks)} checks: " + ", ".join(f"{count[outcome]} {outcome.value}" for outcome in CheckOutcome)
    if count[CheckOutcome.FAILED]:
        return f"{summary}.\n{style.red('What failed stops an apply.')}"
    return f"{summary}.\n{style.green('Nothing that was found stops an apply.')}"
