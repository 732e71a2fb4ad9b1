"""Describes a purchase in doubt for a person: what is known of it, how the search for its server ended, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.applying.doubt_resolver import SeveralFit, StillInDoubt
from provisioner.applying.list_snapshot import Detached, TimedOut
from provisioner.model.diagnostic import Diagnostic, error
from provisioner.model.doubt import choose_hint, next_step
from provisioner.model.flow import CallFailed
from provisioner.model.plan import Mode
from provisioner.model.state import Intent

if TYPE_CHECKING:
    from provisioner.applying.flow_runner import FlowRunner


def _is_destroying(runner: FlowRunner) -> bool:
    return runner.context.plan.mode is Mode.DESTROY


def _hint_of_plan(runner: FlowRunner) -> str:
    """Returns the plan's hint about an older doubt. The plan knows more of the doubt than its intent, and a run must
    not contradict it.
    """
    findings = runner.context.plan.findings
    return next((one.hint for one in findings if one.code == "in-doubt" and one.address == runner.change.address), "")


def doubt_finding(runner: FlowRunner, intent: Intent, reason: Exception) -> Diagnostic:
    """Describes a purchase in doubt, whatever else has ended the change."""
    cause, search_end = _cause_and_search_end(reason)
    is_older = isinstance(reason, StillInDoubt) and cause is None
    address = runner.change.address
    policy = runner.context.policy
    advice = next_step(intent, runner.kind, policy, destroying=_is_destroying(runner))
    hint = (
        choose_hint(intent, [row.id for row in search_end.candidates])
        if isinstance(search_end, SeveralFit)
        else (_hint_of_plan(runner) if is_older else "") or advice
    )
    summary = (
        "an earlier purchase has an unknown outcome; nothing was sent"
        if is_older
        else "sent, but the outcome is not known"
    )
    return error(
        "in-doubt",
        summary,
        detail="; ".join(
            filter(None, (cause.message if cause else "", _describe_search(search_end, runner.kind.noun)))
        ),
        hint=hint,
        address=address,
        request_id=cause.request_id if cause else None,
    )


def _cause_and_search_end(reason: Exception) -> tuple[CallFailed | None, Exception | None]:
    """Returns the failure that left the purchase in doubt in this run, and what ended the search for its server. Each
    may be None.
    """
    match reason:
        case StillInDoubt():
            return reason.cause, reason.reason
        case CallFailed():
            return reason, None
        case _:
            return None, reason


def _describe_search(search_end: Exception | None, noun: str) -> str:
    """Describes how the search for the server ended."""
    match search_end:
        case None:
            return ""
        case SeveralFit():
            return f"several {noun}s fit the request: {search_end}"
        case TimedOut():
            return f"no {noun} that fits it is listed so far"
        case Detached():
            return "the run was interrupted during the search"
        case _:
            return f"the search failed: {search_end}"
