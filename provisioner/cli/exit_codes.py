"""Defines the exit codes, and decides which one a command ends with.

When several apply, the worst wins, in the order 6 > 7 > 5 > 8 > 4 > 2 > 1: what may cost money comes first.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provisioner.model.check import Check
    from provisioner.model.diagnostic import Diagnostic, ProvisionerError
    from provisioner.model.event import Result
    from provisioner.model.placed_order import PlacedOrder
    from provisioner.model.plan import Plan
    from provisioner.workflow.apply import ApplyResult
    from provisioner.workflow.expiring import ExpiringServers
    from provisioner.workflow.order_settlement import SettlementResult
    from provisioner.workflow.progress import ProgressResult


class ExitCode(IntEnum):
    DONE = 0
    ERROR = 1
    DIFFERENCES = 2
    NOT_FORMATTED = 3
    REFUSED = 4
    LOCK_HELD = 5
    IN_DOUBT = 6
    INCOMPLETE = 7
    INTERRUPTED = 8


_WORST_FIRST = (
    ExitCode.IN_DOUBT,
    ExitCode.INCOMPLETE,
    ExitCode.LOCK_HELD,
    ExitCode.INTERRUPTED,
    ExitCode.REFUSED,
    ExitCode.DIFFERENCES,
    ExitCode.ERROR,
)


_NO_DIFFERENCE = frozenset({"list-incomplete", "own-list", "assumed", "maybe-bought", "no-state", "state-unnamed"})
"""Codes of findings that show no difference between the specs and the cloud, and may appear in every plan."""


def worst(*codes: ExitCode) -> ExitCode:
    return next((code for code in _WORST_FIRST if code in codes), ExitCode.DONE)


def with_lost_output(code: int, *, lost: bool) -> int:
    """Returns the code of a command whose result may be `lost`: what nobody could read is no success and no difference."""
    return ExitCode.ERROR if lost and code in {ExitCode.DONE, ExitCode.DIFFERENCES} else int(code)


def of_error(failure: ProvisionerError) -> ExitCode:
    from provisioner.model.diagnostic import InDoubt, LockHeld, LockLost, Refused

    match failure:
        case InDoubt():
            return ExitCode.IN_DOUBT
        case LockHeld() | LockLost():
            return ExitCode.LOCK_HELD
        case Refused():
            return ExitCode.REFUSED
        case _:
            return ExitCode.ERROR


def of_plan(plan: Plan, *, detailed: bool) -> ExitCode:
    """Returns the code of a plan. Without --detailed-exitcode it is a success, unless a guard refuses the plan."""
    refused = ExitCode.REFUSED if plan.refusals else ExitCode.DONE
    if not detailed:
        return refused
    doubt = any(finding.code == "in-doubt" for finding in plan.findings)
    differs = bool(plan.work or any(finding.code not in _NO_DIFFERENCE for finding in plan.findings))
    return worst(
        refused,
        ExitCode.IN_DOUBT if doubt else ExitCode.DONE,
        ExitCode.DIFFERENCES if differs else ExitCode.DONE,
    )


def of_apply(applied: ApplyResult) -> ExitCode:
    """Returns the code of an apply.

    A desired server that vanished or failed makes it incomplete, even if the plan had no work for it; so does a namesake
    of what was bought. A run that has lost its lock ends like one that did not get it, unless a purchase is in doubt:
    whoever has the lock now goes on with what is incomplete.
    """
    from provisioner.model.event import ResultType

    if not applied.approved:
        return ExitCode.INTERRUPTED
    results = applied.result.results if applied.result else ()
    has_namesakes = applied.result is not None and applied.result.has_errors_afterwards
    incomplete = any(map(_is_incomplete, results)) or applied.plan.not_as_wanted or has_namesakes
    has_lost_lock = _has_lost_lock((*(result.diagnostic for result in results), *applied.trouble))
    doubt = any(result.type is ResultType.IN_DOUBT or (has_lost_lock and result.leaves_doubt) for result in results)
    return worst(
        ExitCode.IN_DOUBT if doubt or applied.plan.left_in_doubt else ExitCode.DONE,
        ExitCode.LOCK_HELD if has_lost_lock else ExitCode.DONE,
        ExitCode.INCOMPLETE if incomplete and not has_lost_lock else ExitCode.DONE,
        ExitCode.INTERRUPTED if applied.result and applied.result.interrupted else ExitCode.DONE,
        ExitCode.ERROR if applied.trouble else ExitCode.DONE,
    )


def of_settlement(settled: SettlementResult) -> ExitCode:
    """Returns the code of paying or cancelling an order. An order that is still open is incomplete, as for apply."""
    from provisioner.model.placed_order import Settlement

    if settled.settlement is Settlement.NOT_APPROVED:
        return ExitCode.INTERRUPTED
    is_open = settled.settlement is Settlement.OPEN and not settled.interrupted
    has_lost_lock = _has_lost_lock(settled.findings)
    return worst(
        ExitCode.LOCK_HELD if has_lost_lock else ExitCode.DONE,
        ExitCode.INCOMPLETE if is_open and not has_lost_lock else ExitCode.DONE,
        ExitCode.INTERRUPTED if settled.interrupted else ExitCode.DONE,
        ExitCode.ERROR if settled.unrecorded else ExitCode.DONE,
    )


def of_wait(order: PlacedOrder) -> ExitCode:
    from provisioner.model.billing import OrderStatus

    if not order.is_over:
        return ExitCode.INCOMPLETE
    return ExitCode.ERROR if order.status == OrderStatus.CANCELLED else ExitCode.DONE


def of_progress(found: ProgressResult) -> ExitCode:
    """Returns the code of `progress`. What has ended and is not recorded yet is not under way."""
    from provisioner.model.under_way import OVER, ServerStage

    stages = {one.stage for one in found.servers}
    is_under_way = found.holder is not None or bool(stages - OVER)
    return worst(
        ExitCode.IN_DOUBT if ServerStage.IN_DOUBT in stages else ExitCode.DONE,
        ExitCode.INCOMPLETE if is_under_way else ExitCode.DONE,
    )


def of_expiring(expiring: ExpiringServers, *, detailed: bool) -> ExitCode:
    """Returns the code of `expiring`. A term that renews automatically, or whose end is unknown, is no difference."""
    return ExitCode.DIFFERENCES if detailed and expiring.ending else ExitCode.DONE


def of_checks(checks: Iterable[Check]) -> ExitCode:
    """Returns the code of `doctor`. Warnings are a success."""
    return ExitCode.ERROR if any(check.stops_apply for check in checks) else ExitCode.DONE


def _has_lost_lock(findings: Iterable[Diagnostic | None]) -> bool:
    from provisioner.model.diagnostic import LOCK_LOST

    return any(finding is not None and finding.code == LOCK_LOST for finding in findings)


def _is_incomplete(result: Result) -> bool:
    """Returns whether the result alone makes the run incomplete.

    A change that an interruption left under way (`detached`) is recorded, and the code of the interruption covers it. A
    change that was held back counts, as it may wait for a server that this run had no work for.
    """
    from provisioner.model.event import ResultType

    code = result.diagnostic.code if result.diagnostic is not None else ""
    blocked = result.type is ResultType.NOT_STARTED and code == "blocked"
    unfinished = (result.type is ResultType.INCOMPLETE and code != "detached") or result.type is ResultType.NOT_AWAITED
    return result.type is ResultType.FAILED or unfinished or blocked
