"""Checks the specs without asking the cloud or reading the state."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.model.diagnostic import Diagnostic, ProvisionerError, Severity
from provisioner.workflow.secret_resolver import SecretResolver
from provisioner.workflow.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ValidateResult:
    """The findings about the specs.

    `counted` is how many resources they declare, in words ("3 servers"); None when they have errors.
    """

    findings: tuple[Diagnostic, ...]
    counted: str | None = None

    @property
    def valid(self) -> bool:
        return not any(finding.severity is Severity.ERROR for finding in self.findings)


def validate(workspace: Workspace) -> ValidateResult:
    try:
        loaded = workspace.load()
        SecretResolver(workspace.secrets(), None).check(loaded.desired, workspace.catalogue, all_needed=False)
    except ProvisionerError as failure:
        return ValidateResult(failure.diagnostics)
    kinds = (desired.kind for desired in loaded.desired)
    return ValidateResult(loaded.warnings, workspace.catalogue.counted(len(loaded.desired), kinds))
