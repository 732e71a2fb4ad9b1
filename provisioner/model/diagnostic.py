"""What is told to a person: one finding as a value, and the errors that carry findings.

Families by whose move it is:

    ProvisionerError
    ├── SpecError         the author of the specs
    ├── UsageError        whoever typed the command (an option, a variable, a missing credential)
    ├── StoreError        whoever keeps the state; nothing is healed silently
    │   └── LockHeld      another run is at work
    ├── CloudError        the cloud or the way to it
    ├── Refused           a guard said no: the plan is understood and not allowed
    └── InDoubt           a purchase is in doubt, so this may not go on

Findings carry no colour and no layout; the rendering room decides how they look, the CLI which exit code they mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from provisioner.model.address import Address


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class SourceRange:
    """A place in a file. `line` and `column` count from 1; `excerpt` is the line itself; `length` is what the caret underlines."""

    file: str
    line: int
    column: int
    excerpt: str = ""
    length: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """`code` is stable and documented in docs/errors.md; `summary` says what happened, `hint` what to do next."""

    severity: Severity
    code: str
    summary: str
    detail: str = ""
    hint: str = ""
    source: SourceRange | None = None
    address: Address | None = None
    request_id: str | None = None


class ProvisionerError(Exception):
    """Carries every finding of the run, not the first."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("; ".join(finding.summary for finding in diagnostics))
        self.diagnostics = diagnostics


class SpecError(ProvisionerError):
    """The specs need an edit."""


class UsageError(ProvisionerError):
    """The command, its options or its surroundings need a change."""


class StoreError(ProvisionerError):
    """State or journal is damaged, foreign, or cannot be written."""


class LockHeld(StoreError):  # noqa: N818 - named for the condition that the reader meets
    """Another run holds the lock."""


class CloudError(ProvisionerError):
    """The cloud answered with an error, or could not be reached."""


class Refused(ProvisionerError):  # noqa: N818 - a decision, not a malfunction
    """A guard stopped the run before anything was sent."""


class InDoubt(ProvisionerError):  # noqa: N818 - a condition, not a malfunction
    """Nothing was sent, because the outcome of an earlier purchase is not known."""


def error(
    code: str,
    summary: str,
    *,
    hint: str = "",
    detail: str = "",
    source: SourceRange | None = None,
    address: Address | None = None,
    request_id: str | None = None,
) -> Diagnostic:
    return Diagnostic(Severity.ERROR, code, summary, detail, hint, source, address, request_id)


def warning(
    code: str,
    summary: str,
    *,
    hint: str = "",
    detail: str = "",
    source: SourceRange | None = None,
    address: Address | None = None,
    request_id: str | None = None,
) -> Diagnostic:
    return Diagnostic(Severity.WARNING, code, summary, detail, hint, source, address, request_id)
