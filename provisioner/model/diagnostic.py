"""Diagnostics: one finding for a person as a value, and the exceptions that carry findings.

The families of errors differ by who has to act:

    ProvisionerError
    ├── SpecError         the author of the specs
    ├── UsageError        the person who typed the command (an option, a variable, a missing credential)
    ├── StoreError        the person who keeps the state; nothing is repaired silently
    │   ├── LockHeld      another run holds the lock
    │   └── LockLost      this run held the lock, and may have it no longer
    ├── CloudError        the cloud or the network to it
    ├── Refused           a guard refused: the plan is valid, and not allowed
    └── InDoubt           a purchase is in doubt, so the command can't go on

Findings carry no colour and no layout: `rendering/` decides how they look, and the CLI which exit code they mean.
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
    """A place in a file. `line` and `column` count from 1, `excerpt` is the line itself, and `length` is how many
    characters are underlined.
    """

    file: str
    line: int
    column: int
    excerpt: str = ""
    length: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: a stable `code` (docs/errors.md), a `summary` of what happened, and a `hint` at what to do next."""

    severity: Severity
    code: str
    summary: str
    detail: str = ""
    hint: str = ""
    source: SourceRange | None = None
    address: Address | None = None
    request_id: str | None = None


class ProvisionerError(Exception):
    """The base of all errors. It carries every finding of the run, not only the first."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("; ".join(finding.summary for finding in diagnostics))
        self.diagnostics = diagnostics


class SpecError(ProvisionerError):
    """The specs need an edit."""


class UsageError(ProvisionerError):
    """The command, its options or its environment needs a change."""


class StoreError(ProvisionerError):
    """The state or the journal is damaged, belongs to something else, or cannot be written. `kept_in` names the place
    that holds the answers among what could not be journaled; empty when no place does.
    """

    def __init__(self, *diagnostics: Diagnostic, kept_in: str = "") -> None:
        super().__init__(*diagnostics)
        self.kept_in = kept_in


class LockHeld(StoreError):  # noqa: N818 - named for the condition that the reader meets
    """Another run holds the lock."""


LOCK_LOST = "lock-lost"
"""The code of a `LockLost`, by which results and troubles tell that the run has lost its lock."""


class LockLost(StoreError):  # noqa: N818 - named for the condition that the reader meets
    """A run held the lock, and may have it no longer: it sends nothing more and leaves the journal alone."""


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
