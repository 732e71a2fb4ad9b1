"""What each exit code means, and which one wins when several apply."""

from itertools import combinations

import pytest
from support.builders import a_change, a_plan, an_address

from provisioner.cli.exit_codes import ExitCode, of_apply, of_error, of_plan, worst
from provisioner.model.action import Action
from provisioner.model.diagnostic import (
    CloudError,
    InDoubt,
    LockHeld,
    LockLost,
    ProvisionerError,
    Refused,
    SpecError,
    StoreError,
    UsageError,
    error,
    warning,
)
from provisioner.model.event import Result, ResultType, RunResult
from provisioner.workflow.apply import ApplyResult

WORST_FIRST = [6, 7, 5, 8, 4, 2, 1]
FINDING = error("some-code", "something happened")


def test_the_numbers_are_a_promise() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "DONE": 0,
        "ERROR": 1,
        "DIFFERENCES": 2,
        "NOT_FORMATTED": 3,
        "REFUSED": 4,
        "LOCK_HELD": 5,
        "IN_DOUBT": 6,
        "INCOMPLETE": 7,
        "INTERRUPTED": 8,
    }


@pytest.mark.parametrize(("worse", "better"), [*combinations([*WORST_FIRST, 0], 2)])
def test_what_may_cost_money_wins(worse: int, better: int) -> None:
    assert worst(ExitCode(better), ExitCode(worse)) == worse
    assert worst(ExitCode(worse), ExitCode(better)) == worse


@pytest.mark.parametrize(
    ("family", "code"),
    [
        (SpecError, 1),
        (UsageError, 1),
        (StoreError, 1),
        (CloudError, 1),
        (LockHeld, 5),
        (LockLost, 5),
        (Refused, 4),
        (InDoubt, 6),
    ],
)
def test_every_family_of_errors_has_its_code(family: type[ProvisionerError], code: int) -> None:
    assert of_error(family(FINDING)) == code


DOUBT = warning("in-doubt", "trainer[0] is in doubt", address=an_address())


@pytest.mark.parametrize(
    ("plan", "code", "detailed"),
    [
        (a_plan(), 0, 0),
        (a_plan(a_change(action=Action.NO_OP)), 0, 0),
        (a_plan(a_change()), 0, 2),
        (a_plan(findings=(warning("drift", "changed outside"),)), 0, 2),
        (a_plan(findings=(DOUBT,)), 0, 6),
        (a_plan(findings=(warning("unsettled", "a release has no answer"),)), 0, 2),
        (a_plan(a_change(), refusals=(FINDING,)), 4, 4),
        (a_plan(a_change(), findings=(DOUBT,), refusals=(FINDING,)), 4, 6),
    ],
)
def test_what_a_plan_exits_with(plan, code: int, detailed: int) -> None:
    assert of_plan(plan, detailed=False) == code
    assert of_plan(plan, detailed=True) == detailed


LOST = error("lock-lost", "another run has taken over")


def ended(
    *types: ResultType, interrupted: bool = False, approved: bool = True, trouble=(), finding=None, leaves_doubt=False
) -> ApplyResult:
    results = tuple(
        Result(an_address(f"trainer[{at}]"), Action.CREATE, kind, finding, leaves_doubt=leaves_doubt)
        for at, kind in enumerate(types)
    )
    return ApplyResult(a_plan(), approved=approved, result=RunResult(results, interrupted), state=None, trouble=trouble)


@pytest.mark.parametrize(
    ("applied", "code"),
    [
        (ApplyResult(a_plan(), approved=True, result=None, state=None), 0),
        (ApplyResult(a_plan(), approved=False, result=None, state=None), 8),
        (ended(ResultType.DONE), 0),
        (ended(ResultType.DONE, ResultType.FAILED), 7),
        (ended(ResultType.INCOMPLETE), 7),
        (ended(ResultType.DONE, ResultType.NOT_AWAITED), 7),
        (ended(ResultType.NOT_AWAITED, ResultType.IN_DOUBT), 6),
        (ended(ResultType.FAILED, ResultType.IN_DOUBT), 6),
        (ended(ResultType.DONE, ResultType.NOT_STARTED, interrupted=True), 8),
        (ended(ResultType.INCOMPLETE, interrupted=True), 7),
        (ended(ResultType.IN_DOUBT, interrupted=True), 6),
        (ended(ResultType.DONE, trouble=(FINDING,)), 1),
        (ended(ResultType.FAILED, trouble=(FINDING,)), 7),
        (ended(ResultType.FAILED, ResultType.INCOMPLETE, trouble=(LOST,)), 5),
        (ended(ResultType.FAILED, finding=LOST), 5),
        (ended(ResultType.DONE, trouble=(LOST,)), 5),
        (ended(ResultType.FAILED, finding=LOST, interrupted=True), 5),
        (ended(ResultType.FAILED, trouble=(LOST,), leaves_doubt=True), 6),
        (ended(ResultType.IN_DOUBT, trouble=(LOST,)), 6),
        (ended(ResultType.FAILED, trouble=(FINDING,), leaves_doubt=True), 7),
    ],
)
def test_what_a_run_exits_with(applied: ApplyResult, code: int) -> None:
    assert of_apply(applied) == code
