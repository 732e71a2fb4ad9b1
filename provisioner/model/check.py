"""A check of the surroundings in which an apply would run, as `provisioner doctor` makes them, and what it found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from provisioner.model.diagnostic import Diagnostic, ProvisionerError, Severity


class CheckOutcome(StrEnum):
    """How a check ended. A failed one found something that stops an apply; a skipped one was not made."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found: `found` says it in a clause, `hint` what to do, and `code` is the diagnostic's (docs/errors.md).

    A warning and a failure have all three.
    """

    outcome: CheckOutcome
    found: str
    hint: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """A check that was made. `seconds` is how long it took. Topic and name together identify it, also for machines."""

    topic: str
    name: str
    result: CheckResult
    seconds: float = 0.0

    @property
    def stops_apply(self) -> bool:
        return self.result.outcome is CheckOutcome.FAILED


def passed(found: str) -> CheckResult:
    return CheckResult(CheckOutcome.OK, found)


def skipped(reason: str) -> CheckResult:
    return CheckResult(CheckOutcome.SKIPPED, reason)


def doubtful(code: str, found: str, *, hint: str) -> CheckResult:
    """Return the result for something that does not stop an apply, and that a person should know or change."""
    return CheckResult(CheckOutcome.WARNING, found, hint, code)


def failed(code: str, found: str, *, hint: str) -> CheckResult:
    return CheckResult(CheckOutcome.FAILED, found, hint, code)


def result_of(finding: Diagnostic, *, more: int = 0) -> CheckResult:
    """Return what a check found that ended with this diagnostic. `more` is how many others there were beside it."""
    outcome = CheckOutcome.FAILED if finding.severity is Severity.ERROR else CheckOutcome.WARNING
    place = "" if finding.source is None else f"{finding.source}: "
    found = "; ".join(filter(None, (f"{place}{finding.summary}", finding.detail, f"and {more} more" if more else "")))
    return CheckResult(outcome, found, finding.hint, finding.code)


def result_of_error(problem: ProvisionerError) -> CheckResult:
    return result_of(problem.diagnostics[0], more=len(problem.diagnostics) - 1)
