"""What all guards together say of a plan: what forbids it, and what a person has allowed for this one run."""

from __future__ import annotations

from dataclasses import replace

from provisioner.model.change import Plan
from provisioner.model.diagnostic import Diagnostic, Severity
from provisioner.model.kind import Catalogue
from provisioner.planning.guards import GUARDS
from provisioner.planning.survey import Survey


def judged(plan: Plan, survey: Survey, catalogue: Catalogue) -> Plan:
    found = tuple(finding for guard in GUARDS for finding in guard(plan, survey, catalogue))
    return replace(
        plan,
        refusals=tuple(finding for finding in found if finding.code not in survey.allowed),
        allowed=tuple(sorted(survey.allowed)),
        lifted=tuple(_lifted(finding) for finding in found if finding.code in survey.allowed),
    )


def _lifted(refusal: Diagnostic) -> Diagnostic:
    return replace(refusal, severity=Severity.WARNING, hint=f"allowed for this run: --allow {refusal.code}")
