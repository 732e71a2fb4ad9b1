"""How a change ended, as a result with a sentence and a next step for the person who must act."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, assert_never

from provisioner.applying.dependencies import Blocked
from provisioner.applying.doubt_resolver import SeveralFit, StillInDoubt
from provisioner.applying.first_purchases import PurchasesStopped
from provisioner.applying.list_poll import Detached, TimedOut
from provisioner.applying.refusals import PreflightRefusal
from provisioner.model.action import Action
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, ProvisionerError, StoreError, error, warning
from provisioner.model.doubt import absent_hint, choose_hint, next_step, settle_hint
from provisioner.model.event import EventType, Result, ResultType
from provisioner.model.flow import CallFailed, Ended, Outcome
from provisioner.model.plan import Mode
from provisioner.model.resource import Phase
from provisioner.model.state import Intent

if TYPE_CHECKING:
    from provisioner.applying.flow_runner import FlowRunner


_COMMANDS = {Action.PAY: "orders pay", Action.CANCEL: "orders cancel"}
"""What a person has called by name, whatever the run's mode."""

_BUILDING = frozenset({Action.CREATE, Action.REPLACE, Action.RESUME})

ANNOUNCED_AS = {
    ResultType.DONE: EventType.FINISHED,
    ResultType.FAILED: EventType.FAILED,
    ResultType.INCOMPLETE: EventType.DETACHED,
    ResultType.NOT_STARTED: EventType.SKIPPED,
    ResultType.IN_DOUBT: EventType.IN_DOUBT,
}

EXPECTED = (Blocked, CallFailed, Detached, PreflightRefusal, ProvisionerError, PurchasesStopped, StillInDoubt, TimedOut)


def _again(runner: FlowRunner) -> str:
    """Advises to run the same command again: apply after an interrupted destroy would buy everything anew."""
    command = _COMMANDS.get(runner.change.action, runner.context.plan.mode.command)
    return f"run {command} again: it goes on from what is recorded and does nothing twice"


def _is_destroying(runner: FlowRunner) -> bool:
    return runner.context.plan.mode is Mode.DESTROY


def _planned_advice(runner: FlowRunner) -> str:
    """What the plan has said about an older doubt: it knows more of it than its intent tells, and a run must not contradict its own warning."""
    findings = runner.context.plan.findings
    return next((one.hint for one in findings if one.code == "in-doubt" and one.address == runner.change.address), "")


def succeeded(change: Change, runner: FlowRunner, ended: Ended) -> Result:
    if not ended.problem:
        return Result(change.address, change.action, ResultType.DONE, leftovers=change.leftovers)
    failed = ended.phase in {Phase.FAILED, Phase.READY}
    code = ended.code or f"server-{(ended.phase or Phase.FAILED).replace('_', '-')}"
    finding = error(code, ended.problem, hint=ended.hint, address=change.address)
    kind = ResultType.FAILED if failed else ResultType.INCOMPLETE
    released = _has_released(change, runner)
    left = change.leftovers if released else ()
    built = ended.phase is Phase.READY and change.action in _BUILDING
    return Result(change.address, change.action, kind, finding, released=released, leftovers=left, built=built)


def _has_released(change: Change, runner: FlowRunner) -> bool:
    """Whether a replacement has released the old server: its second half starts without a record."""
    return change.action is Action.REPLACE and runner.progress.recorded is None


def failed(change: Change, runner: FlowRunner, reason: Exception) -> Result:
    if (intent := runner.progress.doubt) is not None:
        kind, finding = ResultType.IN_DOUBT, _doubtful(runner, intent, reason)
    else:
        kind, finding = _judge(change, runner, reason)
    released = _has_released(change, runner)
    if released and not runner.progress.under_way:
        kind = ResultType.INCOMPLETE if kind is ResultType.NOT_STARTED else kind
        finding = replace(
            finding, summary=f"the old {runner.kind.noun} is released, no new one is bought: {finding.summary}"
        )
    left = change.leftovers if released else ()
    return Result(change.address, change.action, kind, finding, released=released, leftovers=left)


def _judge(change: Change, runner: FlowRunner, reason: Exception) -> tuple[ResultType, Diagnostic]:
    address = change.address
    match reason:
        case PreflightRefusal():
            return ResultType.FAILED, reason.diagnostic(change.address, runner.progress.ids)
        case Blocked() if not runner.context.interruption.requested:
            return ResultType.NOT_STARTED, warning(
                "held-back",
                f"{reason.turn.what} is not begun, because {reason.before} {reason.why}",
                hint=f"mend {reason.before} first; then {_again(runner)}",
                address=address,
            )
        case PurchasesStopped():
            return ResultType.NOT_STARTED, warning(
                "purchases-stopped",
                f"nothing was bought for it, because the cloud sold {reason.because} under another charging mode than wanted",
                hint=f"see to {reason.because} first; then {_again(runner)}",
                address=address,
            )
        case Detached() | Blocked():
            if not runner.progress.under_way:
                return ResultType.NOT_STARTED, warning(
                    "not-started", "the run was interrupted before its turn", hint=_again(runner), address=address
                )
            return ResultType.INCOMPLETE, warning(
                "detached", f"under way in the cloud{runner.progress.ids}", hint=_again(runner), address=address
            )
        case TimedOut():
            shown = f", and shows {runner.reporter.last_shown}" if runner.reporter.last_shown else ""
            summary = f"not settled after {runner.timeout:.0f} s{runner.progress.ids}{shown}"
            hint = _again(runner) if runner.progress.seen else f"{_again(runner)}; {absent_hint(address)}"
            return ResultType.INCOMPLETE, error("timed-out", summary, hint=hint, address=address)
        case CallFailed():
            return _judge_call(change, runner, reason)
        case ProvisionerError():
            return _judge_own_failure(change, runner, reason)
        case _:
            raise reason


def _judge_call(change: Change, runner: FlowRunner, failed: CallFailed) -> tuple[ResultType, Diagnostic]:
    address, detail = change.address, failed.message
    if failed.outcome is Outcome.UNKNOWN and (intent := runner.progress.unsettled) is not None:
        return ResultType.INCOMPLETE, error(
            "unsettled",
            f"the outcome of its {intent.effect.noun} is not known{runner.progress.ids}",
            detail=detail,
            hint=settle_hint(intent.effect, command=f"{runner.context.plan.mode.command} again"),
            address=address,
            request_id=failed.request_id,
        )
    if runner.progress.under_way:
        return ResultType.INCOMPLETE, error(
            "broken-off",
            f"recorded, and not followed to its end{runner.progress.ids}",
            detail=detail,
            hint=_again(runner),
            address=address,
            request_id=failed.request_id,
        )
    code, summary, hint = _without_effect(failed)
    return ResultType.FAILED, error(
        code, summary, detail=detail, hint=hint, address=address, request_id=failed.request_id
    )


def _doubtful(runner: FlowRunner, intent: Intent, reason: Exception) -> Diagnostic:
    """Tells of a purchase in doubt, whatever else has ended the change."""
    because, looked = _doubt_of(reason)
    is_older = isinstance(reason, StillInDoubt) and because is None
    address = runner.change.address
    policy = runner.context.policy
    advice = next_step(intent, runner.kind, policy, destroying=_is_destroying(runner))
    hint = (
        choose_hint(intent)
        if isinstance(looked, SeveralFit)
        else (_planned_advice(runner) if is_older else "") or advice
    )
    summary = (
        "an earlier purchase has an unknown outcome; nothing was sent"
        if is_older
        else "sent, and the outcome is not known"
    )
    return error(
        "in-doubt",
        summary,
        detail="; ".join(filter(None, (because.message if because else "", _search(looked, runner.kind.noun)))),
        hint=hint,
        address=address,
        request_id=because.request_id if because else None,
    )


def _doubt_of(reason: Exception) -> tuple[CallFailed | None, Exception | None]:
    """Returns how the doubt came about in this run, and how looking for its server ended."""
    match reason:
        case StillInDoubt():
            return reason.because, reason.reason
        case CallFailed():
            return reason, None
        case _:
            return None, reason


def _search(looked: Exception | None, noun: str) -> str:
    """Tells how looking for the server went."""
    match looked:
        case None:
            return ""
        case SeveralFit():
            return f"several {noun}s fit the request: {looked}"
        case TimedOut():
            return f"no {noun} that fits it is listed so far"
        case Detached():
            return "the run was interrupted while it was looked for"
        case _:
            return f"looking for it failed: {looked}"


def _without_effect(failed: CallFailed) -> tuple[str, str, str]:
    """Returns code, summary and hint for a call that bought and released nothing."""
    match failed.outcome:
        case Outcome.REFUSED if failed.status == HTTPStatus.TOO_MANY_REQUESTS:
            return (
                "cloud-throttled",
                "too many requests",
                "wait a minute and run the command again, or lower --parallelism",
            )
        case Outcome.REFUSED:
            return "cloud-refused", "the cloud refused", "mend what it names, then run the command again"
        case Outcome.THROTTLED:
            return (
                "cloud-throttled",
                "the cloud turned it away again and again",
                "run the command again in a few minutes",
            )
        case Outcome.NOT_SENT:
            return (
                "cloud-unreachable",
                "the cloud was not reached; nothing was sent",
                "run the command again when it is",
            )
        case Outcome.UNKNOWN:
            return "cloud-error", "the cloud gave no usable answer", "run the command again: nothing is done twice"
        case _:
            assert_never(failed.outcome)


def _judge_own_failure(change: Change, runner: FlowRunner, reason: ProvisionerError) -> tuple[ResultType, Diagnostic]:
    """Tells of a failure on this machine. When the journal fails right after a purchase, its ids stand only here."""
    first, address = reason.diagnostics[0], change.address
    if isinstance(reason, StoreError) and runner.progress.unrecorded:
        return ResultType.FAILED, error(
            "bought-unrecorded",
            f"BOUGHT{runner.progress.ids}, and it could not be recorded: {first.summary}",
            hint=f"keep these ids; mend the disk, then run apply: its journal knows that the request was sent and looks for the {runner.kind.noun}",
            address=address,
        )
    kind, state = ResultType.FAILED, ""
    if runner.progress.under_way:
        kind, state = ResultType.INCOMPLETE, f"under way in the cloud{runner.progress.ids}, and not followed: "
    summary = f"{state}{first.summary}"
    return kind, error(first.code, summary, detail=first.detail, hint=first.hint, address=address)
