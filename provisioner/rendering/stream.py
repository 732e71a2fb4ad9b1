"""Builds the JSON documents of a run, one per line, in the manner of Terraform's `-json` output.

The caller passes the time and writes them. A reader of the stream needs no other source to know how the run ended.
"""

from __future__ import annotations

from collections.abc import Sequence

from provisioner.model.action import Action
from provisioner.model.approval import Approval
from provisioner.model.event import Event, EventType, RunResult
from provisioner.model.fleet import Fleet
from provisioner.model.output import OutputValue
from provisioner.model.plan import Plan
from provisioner.rendering.machine import Document, diagnostic_document, plan_document
from provisioner.rendering.plan import summary_line
from provisioner.rendering.progress import event_sentence
from provisioner.rendering.style import Style
from provisioner.rendering.summary import OUTCOMES

STREAM_VERSION = "1.0"

_EVENT_TYPES = {
    EventType.STARTED: "apply_start",
    EventType.WAITING: "apply_progress",
    EventType.FINISHED: "apply_complete",
    EventType.FAILED: "apply_errored",
    EventType.NOTICE: "log",
}
"""Terraform's names of the events that it has. Every other event has its own name."""

_WARNINGS = frozenset({EventType.DETACHED, EventType.PAUSED, EventType.SKIPPED, EventType.UNANSWERED})
_ERRORS = frozenset({EventType.FAILED, EventType.IN_DOUBT})


def version_document(*, version: str, timestamp: str) -> Document:
    """Returns the first line of a stream."""
    line = stream_line("version", level="info", message=f"Provisioner {version}", timestamp=timestamp)
    return {**line, "provisioner": version, "ui": STREAM_VERSION}


def planned_document(plan: Plan, *, timestamp: str, approval: Approval | None = None) -> Document:
    """Returns the second line: the whole plan, with its summary line as the message."""
    message = summary_line(plan, Style(color=False))
    return {
        **stream_line("plan", level="info", message=message, timestamp=timestamp),
        "plan": plan_document(plan, approval=approval),
    }


def event_document(event: Event, *, timestamp: str) -> Document:
    """Returns an event in the manner of `terraform apply -json`. `timestamp` is in RFC 3339."""
    level = "error" if event.type in _ERRORS else "warn" if event.type in _WARNINGS else "info"
    prefix = "" if event.address is None else f"{event.address}: "
    document = stream_line(
        _EVENT_TYPES.get(event.type, event.type.value),
        level=level,
        message=prefix + event_sentence(event),
        timestamp=timestamp,
    )
    if event.type is EventType.PAUSED:
        document["remaining_seconds"] = round(event.remaining, 3)
    if event.type is EventType.UNANSWERED:
        document |= {"request": event.detail, "elapsed_seconds": round(event.elapsed, 3)}
    if event.type is EventType.READING:
        document |= {
            "request": event.detail,
            "requests": event.requests,
            "elapsed_seconds": round(event.elapsed, 3),
        }
    if event.address is not None:
        document["hook"] = {
            "resource": {"addr": str(event.address)},
            "action": None if event.action is None else event.action.value,
            "id": event.id,
            "order_id": event.order_id,
            "elapsed_seconds": round(event.elapsed, 3),
            "detail": event.detail,
        }
    if event.diagnostic is not None:
        document["diagnostic"] = diagnostic_document(event.diagnostic)
    return document


def run_document(run: RunResult, *, message: str, timestamp: str, fleets: Sequence[Fleet] = ()) -> Document:
    """Returns the summary that ends a run: how many changes are done and, by address, which are not.

    `message` is the last line of the summary for people.
    """
    changes = {
        "add": run.added,
        "change": run.changed,
        "remove": run.destroyed,
        "resume": run.count_done(Action.RESUME),
        "forget": run.count_done(Action.FORGET),
        "adopt": run.count_done(Action.ADOPT),
        "move": run.count_done(Action.MOVE),
        "record": run.count_done(Action.RECORD),
    }
    return {
        **stream_line("change_summary", level="info", message=message, timestamp=timestamp),
        "changes": changes,
        "interrupted": run.interrupted,
        **({"findings": [diagnostic_document(finding) for finding in run.findings]} if run.findings else {}),
        "fleets": [{"group": str(fleet.group), "ready": fleet.ready, "wanted": fleet.wanted} for fleet in fleets],
        "leftovers": [
            {"address": str(address), "what": leftover.what, "id": leftover.id} for address, leftover in run.leftovers
        ],
        "not_done": [
            {
                "address": str(result.address),
                "action": result.action.value,
                "outcome": result.type.value,
                **({"built": True} if result.built else {}),
                "diagnostic": None if result.diagnostic is None else diagnostic_document(result.diagnostic),
            }
            for outcome in OUTCOMES
            for result in run.of_type(outcome)
        ],
    }


def outputs_document(outputs: Sequence[OutputValue], *, timestamp: str) -> Document:
    """Returns the outputs, which follow the summary as in Terraform.

    A stream goes into logs, so sensitive values are left out.
    """
    return {
        **stream_line("outputs", level="info", message=f"Outputs: {len(outputs)}", timestamp=timestamp),
        "outputs": {
            output.name: {"sensitive": output.sensitive, "known": output.known}
            | ({} if output.sensitive else {"value": output.value})
            for output in outputs
        },
    }


def stream_line(kind: str, *, level: str, message: str, timestamp: str) -> Document:
    """Returns what every line of a stream has."""
    return {
        "@level": level,
        "@message": message,
        "@module": "provisioner.ui",
        "@timestamp": timestamp,
        "type": kind,
    }
