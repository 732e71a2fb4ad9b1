"""Reveals the secrets of one run when they are sent, and fingerprints them, salted with its state's lineage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from provisioner.model.diagnostic import Diagnostic, Severity, SpecError, UsageError, error
from provisioner.model.kind import Catalogue
from provisioner.model.redaction import find_secrets
from provisioner.model.resource import Desired
from provisioner.model.secret import Secret, SecretReference
from provisioner.secrets import SecretReader


class SecretResolver:
    """Reveals, fingerprints and checks secrets.

    `lineage` is None before the first apply, when there is nothing to compare a fingerprint with.
    """

    def __init__(self, reader: SecretReader, lineage: str | None) -> None:
        self._reader = reader
        self._lineage = lineage

    def reveal(self, reference: SecretReference) -> Secret:
        """Returns the secret's value. Raises UsageError, which names the variable or file and never the value."""
        return self._reader.reveal(reference)

    def fingerprint(self, reference: SecretReference) -> str | None:
        """Returns the fingerprint, or None before the first apply and when the value is not available here.

        A pipeline that only plans need not have the passwords.
        """
        if self._lineage is None:
            return None
        try:
            return self._reader.fingerprint(reference, self._lineage)
        except UsageError:
            return None

    def check(self, wanted: Iterable[Desired], catalogue: Catalogue, *, all_needed: bool) -> tuple[Diagnostic, ...]:
        """Checks that every available secret obeys its kind's rule.

        Returns warnings about the secrets that are not available. Raises SpecError with all broken rules and, when
        `all_needed`, UsageError with all secrets that are not available.
        """
        unavailable: list[Diagnostic] = []
        invalid: list[Diagnostic] = []
        for desired, reference in _references(wanted):
            try:
                value = self._reader.reveal(reference)
            except UsageError as failure:
                unavailable += failure.diagnostics
                continue
            if (problem := catalogue[desired.kind].check_secret(value.reveal())) is not None:
                invalid.append(_rule_error(desired, reference, problem))
        if invalid:
            raise SpecError(*invalid)
        if unavailable and all_needed:
            raise UsageError(*dict.fromkeys(unavailable))
        note = "a plan continues without it and takes it as unchanged; apply needs it for every purchase"
        return tuple(replace(finding, severity=Severity.WARNING, detail=note) for finding in dict.fromkeys(unavailable))


def _references(wanted: Iterable[Desired]) -> Iterator[tuple[Desired, SecretReference]]:
    """Yields each reference once, as the members of a counted group share their password."""
    seen: set[SecretReference] = set()
    for desired in wanted:
        for _, reference in find_secrets(desired.fields):
            if reference not in seen:
                seen.add(reference)
                yield desired, reference


def _rule_error(desired: Desired, reference: SecretReference, problem: str) -> Diagnostic:
    return error(
        "password-rule",
        f"{desired.address}: the value of {reference} breaks the cloud's rule: {problem}",
        hint=f"store another value at {reference}; nothing was sent",
        source=desired.source,
        address=desired.address,
    )
