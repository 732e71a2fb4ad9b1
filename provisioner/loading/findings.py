"""Collects the mistakes of a run, so that all of them are reported together and each only once.

This module knows order, limits and masking. Its callers decide what is a mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from provisioner.loading.misplacement import listed
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
_PLACES_SHOWN = 10
_SHORTEST_MASKED = 4  # masking shorter values would damage ordinary words and hide nothing

_Key = tuple[str, str, int, int, str, Path]


class Findings:
    """The errors and warnings found so far, one for each code, place and field.

    The same mistake in a thousand instances of one declaration is reported once.
    """

    def __init__(self) -> None:
        self._errors: dict[_Key, Diagnostic] = {}
        self._warnings: dict[_Key, Diagnostic] = {}
        self._about: dict[_Key, str] = {}
        """What the errors with the same `about` are about."""
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
        """Adds an error. `usage`: the command line must be corrected, not the specs."""
        self._any_spec_error = self._any_spec_error or not usage
        finding = error(
            mistake.code, mistake.summary, hint=mistake.hint, detail=mistake.detail, source=at, address=address
        )
        key = _key(finding, path)
        if self._errors.setdefault(key, finding) is finding and mistake.about and at is not None:
            self._about[key] = mistake.about

    def warn(self, mistake: UnplacedError, *, at: SourceRange, address: Address, path: Path = ()) -> None:
        """Adds a warning, which does not keep the stack from being loaded."""
        finding = warning(
            mistake.code, mistake.summary, hint=mistake.hint, detail=mistake.detail, source=at, address=address
        )
        self._warnings.setdefault(_key(finding, path), finding)

    def mask(self, secret: Secret) -> None:
        """Masks the value of `secret` in everything that is reported."""
        if len(secret.reveal()) >= _SHORTEST_MASKED:
            self._secrets.add(secret.reveal())

    @property
    def has_no_errors(self) -> bool:
        """Whether no error has been found so far. Warnings don't count."""
        return not self._errors

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        return self._for_display(self._warnings)

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """All errors, by place, with their secrets masked."""
        return self._sorted(self._errors)

    def raise_errors(self) -> None:
        """Raises all errors that were found: as UsageError if every one has `usage`, else as SpecError."""
        if self._errors:
            error_type: type[ProvisionerError] = SpecError if self._any_spec_error else UsageError
            raise error_type(*self._for_display(self._errors))

    def _for_display(self, collected: dict[_Key, Diagnostic]) -> tuple[Diagnostic, ...]:
        combined = self._combined(collected)
        reported = [*self._sorted(combined, most=_SHOWN_LIMIT)]
        if len(combined) > _SHOWN_LIMIT:
            rest = f"... and {len(combined) - _SHOWN_LIMIT} more"
            make = error if collected is self._errors else warning
            reported.append(make("too-many-mistakes", rest, hint="mend those above, then run again"))
        return tuple(reported)

    def _combined(self, collected: Mapping[_Key, Diagnostic]) -> dict[_Key, Diagnostic]:
        """Returns the findings with those about the same missing thing as one, at the first place, which names the others."""
        about = [key for key in collected if key in self._about] if collected is self._errors else []
        places: dict[str, list[_Key]] = {}
        for key in sorted(about, key=_sort_key):
            places.setdefault(self._about[key], []).append(key)
        combined = dict(collected)
        for first, *others in places.values():
            if others:
                sources = dict.fromkeys(str(combined.pop(key).source) for key in others)
                finding = combined[first]
                lines = (finding.detail, f"also at {_enumerate([*sources])}")
                combined[first] = replace(finding, detail="\n".join(filter(None, lines)))
        return combined

    def _sorted(self, collected: Mapping[_Key, Diagnostic], *, most: int | None = None) -> tuple[Diagnostic, ...]:
        """Returns the findings by place, with their secrets masked: all of them, or the first."""
        lines = _hidden_lines((*self._errors.values(), *self._warnings.values()))
        return tuple(self._masked(collected[key], lines) for key in sorted(collected, key=_sort_key)[:most])

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


def _enumerate(places: list[str]) -> str:
    more = [f"{len(places) - _PLACES_SHOWN} more places"] if len(places) > _PLACES_SHOWN else []
    return listed([*places[:_PLACES_SHOWN], *more])


def _hidden_lines(findings: Iterable[Diagnostic]) -> dict[tuple[str, int], str]:
    """Returns the excerpt of each line that is partly hidden, so that other findings of that line show no more of it."""
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
