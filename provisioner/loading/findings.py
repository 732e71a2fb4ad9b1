"""Where every mistake of a run is gathered, so that all of them are told at once and none twice.

Knows order, limits and masking; what counts as a mistake is the business of those who report.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from provisioner.loading.tree import Path
from provisioner.loading.unplaced_error import UnplacedError
from provisioner.model.address import Address
from provisioner.model.diagnostic import (
    Diagnostic,
    ProvisionerError,
    SourceRange,
    SpecError,
    UsageError,
    error,
    warning,
)
from provisioner.model.secret import HIDDEN, Secret

_SHOWN_LIMIT = 100
_SHORTEST_MASKED = 4  # masking shorter values would tear words apart and hide nothing

_Key = tuple[str, str, int, int, str, Path]


class Findings:
    """One finding a code, place and field: a thousand counted copies of one mistake are one mistake."""

    def __init__(self) -> None:
        self._errors: dict[_Key, Diagnostic] = {}
        self._warnings: dict[_Key, Diagnostic] = {}
        self._secrets: set[str] = set()
        self._any_spec_error = False

    def add(
        self,
        mistake: UnplacedError,
        *,
        at: SourceRange | None = None,
        address: Address | None = None,
        path: Path = (),
        usage: bool = False,
    ) -> None:
        """`usage`: whoever typed the command is to act, not the author of the specs."""
        self._any_spec_error = self._any_spec_error or not usage
        finding = error(mistake.code, mistake.summary, hint=mistake.hint, source=at, address=address)
        self._errors.setdefault(_key(finding, path), finding)

    def warn(self, mistake: UnplacedError, *, at: SourceRange, address: Address, path: Path = ()) -> None:
        finding = warning(mistake.code, mistake.summary, hint=mistake.hint, source=at, address=address)
        self._warnings.setdefault(_key(finding, path), finding)

    def mask(self, secret: Secret) -> None:
        """Nothing that is told will contain this value, whatever quotes it."""
        if len(secret.reveal()) >= _SHORTEST_MASKED:
            self._secrets.add(secret.reveal())

    @property
    def has_no_errors(self) -> bool:
        """No error was found yet."""
        return not self._errors

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        return self._report(self._warnings)

    def raise_errors(self) -> None:
        """Raises SpecError or UsageError with all that was found, if anything was."""
        if self._errors:
            error_type: type[ProvisionerError] = SpecError if self._any_spec_error else UsageError
            raise error_type(*self._report(self._errors))

    def _report(self, gathered: dict[_Key, Diagnostic]) -> tuple[Diagnostic, ...]:
        lines = _hidden_lines((*self._errors.values(), *self._warnings.values()))
        reported = [self._masked(gathered[key], lines) for key in sorted(gathered, key=_sort_key)[:_SHOWN_LIMIT]]
        if len(gathered) > _SHOWN_LIMIT:
            rest = f"... and {len(gathered) - _SHOWN_LIMIT} more"
            last = error if gathered is self._errors else warning
            reported.append(last("too-many-mistakes", rest, hint="mend those above, then run again"))
        return tuple(reported)

    def _masked(self, finding: Diagnostic, lines: Mapping[tuple[str, int], str]) -> Diagnostic:
        source = finding.source
        if source is not None:
            excerpt = lines.get((source.file, source.line), source.excerpt)
            source = replace(source, excerpt=self._without_secrets(excerpt))
        return replace(
            finding,
            summary=self._without_secrets(finding.summary),
            detail=self._without_secrets(finding.detail),
            hint=self._without_secrets(finding.hint),
            source=source,
        )

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text


def _hidden_lines(findings: Iterable[Diagnostic]) -> dict[tuple[str, int], str]:
    """The excerpts of which a part is hidden: another mistake of the same line shows no more of it."""
    hidden: dict[tuple[str, int], str] = {}
    for source in (finding.source for finding in findings):
        if source is not None and source.excerpt.endswith(HIDDEN):
            place = (source.file, source.line)
            hidden[place] = min(source.excerpt, hidden.get(place, source.excerpt), key=len)
    return hidden


def _key(finding: Diagnostic, path: Path) -> _Key:
    if finding.source is None:
        return (finding.code, "", 0, 0, finding.summary, path)
    return (finding.code, finding.source.file, finding.source.line, finding.source.column, "", path)


def _sort_key(key: _Key) -> tuple[str, int, int, str, str, str]:
    code, file, line, column, summary, path = key
    return (file, line, column, code, summary, str(path))
