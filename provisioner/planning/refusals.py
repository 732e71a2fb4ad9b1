"""Applies all guards to a plan: what they refuse, and which refusals a person allowed for this one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from provisioner.model.diagnostic import Diagnostic, Severity
from provisioner.model.kind import Catalogue
from provisioner.model.plan import Plan
from provisioner.planning.guards import GUARDS, Guard
from provisioner.planning.plan_input import PlanInput
from provisioner.planning.releases import ALLOWED_BY_ADDRESS


def apply_guards(plan: Plan, inputs: PlanInput, catalogue: Catalogue, guards: Sequence[Guard] = GUARDS) -> Plan:
    found = tuple(finding for guard in guards for finding in guard(plan, inputs, catalogue))
    options = {finding: _allowed_by(finding, inputs) for finding in found}
    return replace(
        plan,
        refusals=tuple(finding for finding, option in options.items() if option is None),
        allowed=tuple(sorted(inputs.allowed)),
        lifted=tuple(_lifted(finding, option) for finding, option in options.items() if option is not None),
    )


def _allowed_by(refusal: Diagnostic, inputs: PlanInput) -> str | None:
    """Returns the option that allows this refusal in this run, or None."""
    if refusal.code == ALLOWED_BY_ADDRESS and refusal.address in inputs.replace:
        return f"--replace {refusal.address.shell_quoted}"
    return f"--allow {refusal.code}" if refusal.code in inputs.allowed else None


def _lifted(refusal: Diagnostic, option: str) -> Diagnostic:
    return replace(refusal, severity=Severity.WARNING, hint=f"allowed for this run: {option}")
