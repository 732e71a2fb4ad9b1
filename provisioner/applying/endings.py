"""How a change's way ended, as a result with a sentence and a next step for the person who must act."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, assert_never

from provisioner.applying.first_purchases import PurchasesStopped
from provisioner.applying.names import MayBeTaken, NameTaken
from provisioner.applying.order_guard import OrderShared, OrderUnseen
from provisioner.applying.outdated import refusal
from provisioner.applying.poll import Detached, TimedOut
from provisioner.applying.precautions import (
    GoneMeanwhile,
    NotAvailable,
    ShowsAgain,
    StatusUnknown,
)
from provisioner.applying.readiness import SuccessorNotReady
from provisioner.applying.seeking import SeveralFit, StillInDoubt
from provisioner.applying.term_guard import TermKept
from provisioner.applying.turns import HeldBack
from provisioner.model.change import Action, Change
from provisioner.model.diagnostic import Diagnostic, ProvisionerError, StoreError, error, warning
from provisioner.model.doubt import absent_by_hand, choice, next_step
from provisioner.model.event import EventType, Result, ResultType
from provisioner.model.flow import CallFailed, Ended, Outcome
from provisioner.model.resource import Phase

if TYPE_CHECKING:
    from provisioner.applying.driver import Driver


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

EXPECTED = (
    CallFailed, Detached, GoneMeanwhile, HeldBack, MayBeTaken, NameTaken, NotAvailable, OrderShared, OrderUnseen, ProvisionerError, PurchasesStopped,
    ShowsAgain, StatusUnknown, StillInDoubt, SuccessorNotReady, TermKept, TimedOut,
)  # fmt: skip


def _again(driver: Driver) -> str:
    """The same command: apply after an interrupted destroy would buy everything anew."""
    command = _COMMANDS.get(driver.change.action, driver.context.plan.mode.command)
    return f"run {command} again: it goes on from what is recorded and does nothing twice"


def arrived(change: Change, driver: Driver, ended: Ended) -> Result:
    if not ended.problem:
        return Result(change.address, change.action, ResultType.DONE, leftovers=change.leftovers)
    failed = ended.phase in {Phase.FAILED, Phase.READY}
    code = ended.code or f"server-{(ended.phase or Phase.FAILED).replace('_', '-')}"
    finding = error(code, ended.problem, hint=ended.hint, address=change.address)
    kind = ResultType.FAILED if failed else ResultType.INCOMPLETE
    released = _has_released(change, driver)
    left = change.leftovers if released else ()
    built = ended.phase is Phase.READY and change.action in _BUILDING
    return Result(change.address, change.action, kind, finding, released=released, leftovers=left, built=built)


def _has_released(change: Change, driver: Driver) -> bool:
    """A replacement's second half starts from no record."""
    return change.action is Action.REPLACE and driver.standing.recorded is None


def broken_off(change: Change, driver: Driver, reason: Exception) -> Result:
    if driver.standing.doubt is not None:
        kind, finding = ResultType.IN_DOUBT, _doubtful(driver, reason)
    else:
        kind, finding = _judge(change, driver, reason)
    released = _has_released(change, driver)
    if released and not driver.standing.under_way:
        kind = ResultType.INCOMPLETE if kind is ResultType.NOT_STARTED else kind
        finding = replace(finding, summary=f"the old server is released, no new one is bought: {finding.summary}")
    left = change.leftovers if released else ()
    return Result(change.address, change.action, kind, finding, released=released, leftovers=left)


def _judge(change: Change, driver: Driver, reason: Exception) -> tuple[ResultType, Diagnostic]:
    address = change.address
    match reason:
        case (
            GoneMeanwhile()
            | MayBeTaken()
            | NameTaken()
            | NotAvailable()
            | OrderShared()
            | OrderUnseen()
            | ShowsAgain()
            | StatusUnknown()
            | SuccessorNotReady()
            | TermKept()
        ):
            return ResultType.FAILED, refusal(change.address, driver.standing.ids, reason)
        case HeldBack() if not driver.context.interruption.requested:
            return ResultType.NOT_STARTED, warning(
                "held-back",
                f"{reason.turn.what} is not begun, because {reason.before} {reason.why}",
                hint=f"mend {reason.before} first; then {_again(driver)}",
                address=address,
            )
        case PurchasesStopped():
            return ResultType.NOT_STARTED, warning(
                "purchases-stopped",
                f"nothing was bought for it, because the cloud sold {reason.because} under another charging mode than wanted",
                hint=f"see to {reason.because} first; then {_again(driver)}",
                address=address,
            )
        case Detached() | HeldBack():
            if not driver.standing.under_way:
                return ResultType.NOT_STARTED, warning(
                    "not-started", "the run was interrupted before its turn", hint=_again(driver), address=address
                )
            return ResultType.INCOMPLETE, warning(
                "detached", f"under way in the cloud{driver.standing.ids}", hint=_again(driver), address=address
            )
        case TimedOut():
            shown = f", and shows {driver.last_shown}" if driver.last_shown else ""
            summary = f"not settled after {driver.timeout:.0f} s{driver.standing.ids}{shown}"
            hint = _again(driver) if driver.standing.seen else f"{_again(driver)}; {absent_by_hand(address)}"
            return ResultType.INCOMPLETE, error("timed-out", summary, hint=hint, address=address)
        case CallFailed():
            return _judge_call(change, driver, reason)
        case ProvisionerError():
            return _judge_own_failure(change, driver, reason)
        case _:
            raise reason


def _judge_call(change: Change, driver: Driver, failed: CallFailed) -> tuple[ResultType, Diagnostic]:
    address, detail = change.address, failed.message
    if failed.outcome is Outcome.UNKNOWN and (intent := driver.standing.unsettled) is not None:
        return ResultType.INCOMPLETE, error(
            "unsettled",
            f"the outcome of its {intent.effect.noun} is not known{driver.standing.ids}",
            detail=detail,
            hint="run apply again: it looks at what became of it before it does anything else",
            address=address,
            request_id=failed.request_id,
        )
    if driver.standing.under_way:
        return ResultType.INCOMPLETE, error(
            "broken-off",
            f"recorded, and not followed to its end{driver.standing.ids}",
            detail=detail,
            hint=_again(driver),
            address=address,
            request_id=failed.request_id,
        )
    code, summary, hint = _without_effect(failed)
    return ResultType.FAILED, error(
        code, summary, detail=detail, hint=hint, address=address, request_id=failed.request_id
    )


def _doubtful(driver: Driver, reason: Exception) -> Diagnostic:
    """Whatever ended the way: that a purchase has an unknown outcome comes first."""
    because, looked = _doubt_of(reason)
    is_older = isinstance(reason, StillInDoubt) and because is None
    intent = driver.standing.doubt
    assert intent is not None  # that is what is told of
    address = driver.change.address
    policy = driver.context.policy
    hint = choice(intent) if isinstance(looked, SeveralFit) else next_step(intent, driver.kind, policy)
    summary = (
        "an earlier purchase has an unknown outcome; nothing was sent"
        if is_older
        else "sent, and the outcome is not known"
    )
    return error(
        "in-doubt",
        summary,
        detail="; ".join(filter(None, (because.message if because else "", _search(looked)))),
        hint=hint,
        address=address,
        request_id=because.request_id if because else None,
    )


def _doubt_of(reason: Exception) -> tuple[CallFailed | None, Exception | None]:
    """How the doubt came about in this run, and how looking for it ended."""
    match reason:
        case StillInDoubt():
            return reason.because, reason.reason
        case CallFailed():
            return reason, None
        case _:
            return None, reason


def _search(looked: Exception | None) -> str:
    """How looking for it went."""
    match looked:
        case None:
            return ""
        case SeveralFit():
            return f"several servers fit the request: {looked}"
        case TimedOut():
            return "no server that fits it is listed so far"
        case Detached():
            return "the run was interrupted while it was looked for"
        case _:
            return f"looking for it failed: {looked}"


def _without_effect(failed: CallFailed) -> tuple[str, str, str]:
    """Code, summary and hint for a call that bought and released nothing."""
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


def _judge_own_failure(change: Change, driver: Driver, reason: ProvisionerError) -> tuple[ResultType, Diagnostic]:
    """When the journal fails right after a purchase, these ids stand nowhere else."""
    first, address = reason.diagnostics[0], change.address
    if isinstance(reason, StoreError) and driver.standing.unrecorded:
        return ResultType.FAILED, error(
            "bought-unrecorded",
            f"BOUGHT{driver.standing.ids}, and it could not be recorded: {first.summary}",
            hint="keep these ids; mend the disk, then run apply: its journal knows that the request was sent and looks for the server",
            address=address,
        )
    kind, state = ResultType.FAILED, ""
    if driver.standing.under_way:
        kind, state = ResultType.INCOMPLETE, f"under way in the cloud{driver.standing.ids}, and not followed: "
    summary = f"{state}{first.summary}"
    return kind, error(first.code, summary, detail=first.detail, hint=first.hint, address=address)
