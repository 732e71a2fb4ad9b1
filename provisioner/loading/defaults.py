"""Reads `defaults:` of stack.yaml: the default fields of every resource of a kind.

A key that is the name of a section holds the defaults of that section's resources. All other keys are defaults of the
first section, `servers`, so that specs written before there were other sections stay valid (docs/decisions/0027).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.loading.findings import Findings
from provisioner.loading.merging import merge_defaults
from provisioner.loading.meta_arguments import declaration_fields
from provisioner.loading.tree import INVALID, Layer, MapNode, locate
from provisioner.loading.unplaced_error import UnplacedError, closest_match
from provisioner.model.kind import Catalogue, Kind


class Defaults:
    """The defaults of each kind. `layer` is the whole of `defaults:`. A section that is not a map is reported.

    `is_unclear`: a mistake was reported that hides fields of it, so what a resource lacks may stand there.
    """

    def __init__(self, layer: Layer, catalogue: Catalogue, findings: Findings, *, is_unclear: bool = False) -> None:
        self._layer = layer
        self._by_section: dict[str, Mapping[str, Any]] = {}
        self._first = catalogue.first.section
        self.is_unclear = is_unclear
        misspelt = self._misspelt_sections(catalogue, findings)
        self._unsectioned = {
            key: value for key, value in layer.node.items() if key not in catalogue.sections and key not in misspelt
        }
        for section in catalogue.sections:
            written = layer.node.get(section)
            if written is not None and written is not INVALID and not isinstance(written, MapNode):
                mistake = UnplacedError(
                    "wrong-type", f"defaults.{section} must be a map of fields", hint="write field: value"
                )
                findings.add(mistake, at=locate([layer], (section,), key=True), path=("defaults", section))
                self.is_unclear = True

    def _misspelt_sections(self, catalogue: Catalogue, findings: Findings) -> list[str]:
        """Reports the keys with a map of fields that are neither a section nor a field, and similar to a section."""
        fields = declaration_fields(catalogue.first.schema)
        found = []
        for key, value in self._layer.node.items():
            match = closest_match(key, catalogue.sections)
            is_section = key in catalogue.sections or key in fields
            if match is not None and not is_section and isinstance(value, MapNode) and value.keys() & {*fields}:
                mistake = UnplacedError(
                    "unknown-field", f"there is no section {key} in defaults", hint=f"did you mean {match}?"
                )
                findings.add(mistake, at=locate([self._layer], (key,), key=True), path=("defaults", key))
                self.is_unclear = True
                found.append(key)
        return found

    def for_kind(self, kind: Kind) -> Mapping[str, Any]:
        """Returns the defaults of `kind` as written, with their templates not yet evaluated."""
        if kind.section not in self._by_section:
            self._by_section[kind.section] = self._read(kind)
        return self._by_section[kind.section]

    def _read(self, kind: Kind) -> Mapping[str, Any]:
        sectioned = self._layer.child(kind.section).node
        if kind.section != self._first or not self._unsectioned:
            return sectioned
        if not sectioned:
            return self._unsectioned
        return merge_defaults(self._unsectioned, sectioned, frozenset(rule.path for rule in kind.rules if rule.content))

    def layers(self, kind: Kind) -> tuple[Layer, ...]:
        """Returns the layers in which the defaults of `kind` may be written, the most specific first."""
        sectioned = self._layer.child(kind.section)
        return (sectioned, self._layer) if kind.section == self._first else (sectioned,)
