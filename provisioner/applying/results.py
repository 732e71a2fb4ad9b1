"""Turns the end of a change into its result, with a sentence and a next step for the person who must act."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, assert_never

from provisioner.applying.dependencies import Blocked
from provisioner.applying.doubt_findings import doubt_finding
from provisioner.applying.doubt_resolver import StillInDoubt
from provisioner.applying.first_purchases import PurchasesStopped
from provisioner.applying.list_snapshot import Detached, NotAwaited, TimedOut
from provisioner.applying.refusals import PreflightRefusal
from provisioner.applying.unrecorded_answers import describe_unrecorded
from provisioner.model.action import Action
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, ProvisionerError, StoreError, error, warning
from provisioner.model.doubt import absent_hint, settle_hint
from provisioner.model.event import EventType, Result, ResultType
from provisioner.model.flow import CallFailed, Ended, Outcome, SentTooLate
from provisioner.model.resource import Phase

if TYPE_CHECKING:
    from provisioner.applying.flow_runner import FlowRunner


_COMMANDS = {Action.PAY: "orders pay", Action.CANCEL: "orders cancel"}
"""The commands of changes that a person asks for by name, whatever the mode of the run."""

_BUILDING = frozenset({Action.CREATE, Action.REPLACE, Action.RESUME})

_ANNOUNCED_AS = {
    ResultType.DONE: EventType.FINISHED,
    ResultType.FAILED: EventType.FAILED,
    ResultType.INCOMPLETE: EventType.DETACHED,
    ResultType.NOT_AWAITED: EventType.NOT_AWAITED,
    ResultType.NOT_STARTED: EventType.SKIPPED,
    ResultType.IN_DOUBT: EventType.IN_DOUBT,
}

EXPECTED = (
    Blocked,
    CallFailed,
    Detached,
    NotAwaited,
    PreflightRefusal,
    ProvisionerError,
    PurchasesStopped,
    StillInDoubt,
    TimedOut,
)


def _rerun_hint(runner: FlowRunner) -> str:
    """Advises to run the same command again. After an interrupted destroy, apply would buy everything anew, and after a
    run that was approved elsewhere, it would do more than was approved.
    """
    command = runner.context.plan.mode.command
    if runner.change.action in _COMMANDS:
        command = f"{_COMMANDS[runner.change.action]} {runner.change.address.shell_quoted}"
    same = "the same command" if runner.context.approval else f"`provisioner {command}`"
    return f"run {same} again; it continues from what is recorded and does nothing twice"


def succeeded(change: Change, runner: FlowRunner, ended: Ended) -> Result:
    """Returns the result of a change whose flow has ended. `ended` may name a problem."""
    if not ended.problem:
        return Result(
            change.address, change.action, ResultType.DONE, leftovers=change.leftovers, vanished=change.vanished
        )
    has_failed = ended.phase in {Phase.FAILED, Phase.READY}
    code = ended.code or f"server-{(ended.phase or Phase.FAILED).replace('_', '-')}"
    finding = error(code, ended.problem, hint=ended.hint, address=change.address)
    kind = ResultType.FAILED if has_failed else ResultType.INCOMPLETE
    return _result(change, runner, kind, finding, built=ended.phase is Phase.READY and change.action in _BUILDING)


def _result(
    change: Change, runner: FlowRunner, kind: ResultType, finding: Diagnostic, *, built: bool = False
) -> Result:
    released = _has_released(change, runner)
    return Result(
        change.address,
        change.action,
        kind,
        finding,
        released=released,
        leftovers=change.leftovers if released else (),
        built=built,
        vanished=change.vanished,
        leaves_doubt=runner.progress.leaves_doubt,
    )


def _has_released(change: Change, runner: FlowRunner) -> bool:
    """Whether a replacement has released the old server: its second half starts without a record."""
    return change.action is Action.REPLACE and runner.progress.recorded is None


def failed(change: Change, runner: FlowRunner, reason: Exception) -> Result:
    """Returns the result of a change that `reason`, one of EXPECTED, has ended."""
    if (intent := runner.progress.doubt) is not None:
        kind, finding = ResultType.IN_DOUBT, doubt_finding(runner, intent, reason)
    else:
        kind, finding = _classify(change, runner, reason)
    if _has_released(change, runner) and not runner.progress.under_way:
        kind = ResultType.INCOMPLETE if kind is ResultType.NOT_STARTED else kind
        gone = "gone" if change.vanished else "released"
        finding = replace(
            finding, summary=f"the old {runner.kind.noun} is {gone}, but no new one is bought: {finding.summary}"
        )
    return _result(change, runner, kind, finding)


def _classify(change: Change, runner: FlowRunner, reason: Exception) -> tuple[ResultType, Diagnostic]:
    """Returns what `reason` makes of the change, and the diagnostic that a person is shown."""
    address = change.address
    match reason:
        case PreflightRefusal():
            return ResultType.FAILED, reason.diagnostic(change.address, runner.progress.ids)
        case NotAwaited():
            return _classify_not_awaited(change, runner, reason)
        case Blocked() | PurchasesStopped() if _is_held_back(reason, runner):
            return ResultType.NOT_STARTED, _held_back(change, runner, reason)
        case Detached() | Blocked():
            if not runner.progress.under_way:
                return ResultType.NOT_STARTED, warning(
                    "not-started", "the run was interrupted before its turn", hint=_rerun_hint(runner), address=address
                )
            return ResultType.INCOMPLETE, warning(
                "detached", f"under way in the cloud{runner.progress.ids}", hint=_rerun_hint(runner), address=address
            )
        case TimedOut():
            shown = f", and shows {runner.reporter.last_status}" if runner.reporter.last_status else ""
            summary = f"not settled after {runner.timeout:.0f} s{runner.progress.ids}{shown}"
            hint = (
                _rerun_hint(runner) if runner.progress.was_listed else f"{_rerun_hint(runner)}; {absent_hint(address)}"
            )
            return ResultType.INCOMPLETE, error("timed-out", summary, hint=hint, address=address)
        case CallFailed():
            return _classify_call_failure(change, runner, reason)
        case ProvisionerError():
            return _classify_local_failure(change, runner, reason)
        case _:
            raise reason


def _is_held_back(reason: Exception, runner: FlowRunner) -> bool:
    """Whether another address keeps the change from beginning. After an interruption nothing that waits begins."""
    return isinstance(reason, PurchasesStopped) or not runner.context.interruption.requested


def _held_back(change: Change, runner: FlowRunner, reason: Blocked | PurchasesStopped) -> Diagnostic:
    """Describes a change that another address keeps from beginning."""
    address = change.address
    if isinstance(reason, PurchasesStopped):
        summary = f"nothing was bought for it, because the cloud sold {reason.mismatched} under another charging mode than declared"
        hint = f"deal with {reason.mismatched} first; then {_rerun_hint(runner)}"
        return warning("purchases-stopped", summary, hint=hint, address=address)
    repair = f"repair {reason.blocker} first; then {_rerun_hint(runner)}"
    hint = _go_on_hint(runner) if reason.is_not_awaited else repair
    summary = f"{reason.dependency.description} does not begin, because {reason.blocker} {reason.why}"
    return warning("blocked", summary, hint=hint, address=address)


def _classify_not_awaited(change: Change, runner: FlowRunner, reason: NotAwaited) -> tuple[ResultType, Diagnostic]:
    address, hint = change.address, _go_on_hint(runner)
    if reason.blocker is not None:
        summary = f"nothing was released or bought for it, because this run does not wait for {reason.blocker}, whose new {runner.kind.noun} is bought first to show how the cloud charges it"
        return ResultType.NOT_STARTED, warning("blocked", summary, hint=hint, address=address)
    shown = f", and shows {runner.reporter.last_status}" if runner.reporter.last_status else ""
    if not runner.progress.under_way:
        summary = f"nothing was sent for it, because this run does not wait until it is ready for that{runner.progress.ids}{shown}"
        return ResultType.NOT_STARTED, warning("blocked", summary, hint=hint, address=address)
    summary = f"sent and recorded{runner.progress.ids}{shown}; this run does not wait for it"
    return ResultType.NOT_AWAITED, warning("not-awaited", summary, hint=hint, address=address)


def _go_on_hint(runner: FlowRunner) -> str:
    """Names what follows a run that did not wait: a run that goes on, and a way to wait without the lock."""
    command = runner.context.plan.mode.command
    same = "the same command" if runner.context.approval else f"`provisioner {command}`"
    return f"{same} goes on from what is recorded and does nothing twice; `provisioner progress --wait` waits without holding the lock"


def _classify_call_failure(change: Change, runner: FlowRunner, failed: CallFailed) -> tuple[ResultType, Diagnostic]:
    address, detail = change.address, failed.message
    if failed.outcome is Outcome.UNKNOWN and (intent := runner.progress.unsettled) is not None:
        return ResultType.INCOMPLETE, error(
            "unsettled",
            f"the outcome of its {intent.effect.noun} is not known{runner.progress.ids}",
            detail=detail,
            hint=settle_hint(intent.effect, command=runner.context.plan.mode.command, again=True),
            address=address,
            request_id=failed.request_id,
        )
    if runner.progress.under_way:
        return ResultType.INCOMPLETE, error(
            "broken-off",
            f"recorded, but not finished{runner.progress.ids}",
            detail=detail,
            hint=_rerun_hint(runner),
            address=address,
            request_id=failed.request_id,
        )
    code, summary, hint = _without_effect(failed)
    return ResultType.FAILED, error(
        code, summary, detail=detail, hint=hint, address=address, request_id=failed.request_id
    )


def _without_effect(failed: CallFailed) -> tuple[str, str, str]:
    """Returns code, summary and hint for a call that bought and released nothing."""
    if isinstance(failed, SentTooLate):
        summary = "it was not sent, because it could not be sent soon enough after it was noted"
        return "not-sent-in-time", summary, "run the command again when this machine and its store are less busy"
    match failed.outcome:
        case Outcome.REFUSED if failed.status == HTTPStatus.TOO_MANY_REQUESTS:
            return (
                "cloud-throttled",
                "too many requests",
                "wait a minute and run the command again, or lower --parallelism",
            )
        case Outcome.REFUSED:
            return "cloud-refused", "the cloud refused", "correct what the message names, then run the command again"
        case Outcome.THROTTLED:
            return (
                "cloud-throttled",
                "the cloud refused it repeatedly",
                "run the command again in a few minutes",
            )
        case Outcome.NOT_SENT:
            return (
                "cloud-unreachable",
                "the cloud was not reached; nothing was sent",
                "run the command again when the cloud is reachable",
            )
        case Outcome.UNKNOWN:
            return "cloud-error", "the cloud gave no usable answer", "run the command again; nothing is done twice"
        case _:
            assert_never(failed.outcome)


def _classify_local_failure(
    change: Change, runner: FlowRunner, reason: ProvisionerError
) -> tuple[ResultType, Diagnostic]:
    """Describes a failure on this machine."""
    first, address = reason.diagnostics[0], change.address
    if isinstance(reason, StoreError) and (unrecorded := runner.progress.unrecorded) is not None:
        return describe_unrecorded(runner, unrecorded, first)
    kind, state = ResultType.FAILED, ""
    if runner.progress.under_way:
        kind, state = ResultType.INCOMPLETE, f"under way in the cloud{runner.progress.ids}, but not followed: "
    summary = f"{state}{first.summary}"
    return kind, error(first.code, summary, detail=first.detail, hint=first.hint, address=address)


def announce(result: Result, runner: FlowRunner) -> None:
    """Announces how a change has ended. Ids are named where the server is there, or what was asked for is recorded."""
    progress, is_not_awaited = runner.progress, result.type is ResultType.NOT_AWAITED
    is_there = result.type is ResultType.DONE or result.built or is_not_awaited
    runner.reporter.announce(
        _ANNOUNCED_AS[result.type],
        detail=result.message,
        identifier=progress.identifier if is_there else None,
        order_id=progress.order_id if is_not_awaited else None,
        built=result.built,
    )
