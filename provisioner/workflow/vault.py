"""Secrets as one run needs them: revealed where they are sent, fingerprinted under the lineage of its state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from provisioner.model.diagnostic import Diagnostic, SpecError, UsageError, error
from provisioner.model.kind import Catalogue
from provisioner.model.redaction import secrets_in
from provisioner.model.resource import Desired
from provisioner.model.secret import Secret, SecretReference
from provisioner.secrets import SecretReader


class Vault:
    """`lineage` is None before the first apply, when there is nothing yet to compare a fingerprint with."""

    def __init__(self, reader: SecretReader, lineage: str | None) -> None:
        self._reader = reader
        self._lineage = lineage

    def reveal(self, reference: SecretReference) -> Secret:
        """Raises UsageError naming the variable or file, never the value."""
        return self._reader.reveal(reference)

    def fingerprint(self, reference: SecretReference) -> str | None:
        """None when the value cannot be had here: a pipeline that only plans need not hold the passwords."""
        if self._lineage is None:
            return None
        try:
            return self._reader.fingerprint(reference, self._lineage)
        except UsageError:
            return None

    def check(self, wanted: Iterable[Desired], catalogue: Catalogue, *, all_needed: bool) -> None:
        """Every secret obeys its kind's rule, and, when `all_needed`, can be had. Raises UsageError or SpecError with all findings."""
        missing: list[Diagnostic] = []
        broken: list[Diagnostic] = []
        for desired, reference in _references(wanted):
            try:
                value = self._reader.reveal(reference)
            except UsageError as unavailable:
                missing += unavailable.diagnostics
                continue
            if (problem := catalogue[desired.kind].check_secret(value.reveal())) is not None:
                summary = f"{desired.address}: the value of {reference} breaks the rule: {problem}"
                hint = f"put another value where {reference} points; nothing was sent"
                broken.append(
                    error("password-rule", summary, hint=hint, source=desired.source, address=desired.address)
                )
        if broken:
            raise SpecError(*broken)
        if missing and all_needed:
            raise UsageError(*dict.fromkeys(missing))


def _references(wanted: Iterable[Desired]) -> Iterator[tuple[Desired, SecretReference]]:
    """Each reference once: a counted group shares its password."""
    seen: set[SecretReference] = set()
    for desired in wanted:
        for _, reference in secrets_in(desired.fields):
            if reference not in seen:
                seen.add(reference)
                yield desired, reference
