"""`defaults:` of stack.yaml: what is laid under every resource of a kind before its own fields.

A key that is the name of a section holds what is laid under the resources of that section. All other keys are laid under those of the
first section, which is `servers`: specs that were written when there was no other stay as they are (docs/decisions/0027).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.loading.findings import Findings
from provisioner.loading.merging import merge_defaults
from provisioner.loading.tree import INVALID, Layer, MapNode, locate
from provisioner.loading.unplaced_error import UnplacedError
from provisioner.model.kind import Catalogue, Kind


class Defaults:
    """`layer` is the whole of `defaults:`; what is no map under a section's name is a finding."""

    def __init__(self, layer: Layer, catalogue: Catalogue, findings: Findings) -> None:
        self._layer = layer
        self._by_section: dict[str, Mapping[str, Any]] = {}
        self._first = catalogue.first.section
        self._unsectioned = {key: value for key, value in layer.node.items() if key not in catalogue.sections}
        for section in catalogue.sections:
            written = layer.node.get(section)
            if written is not None and written is not INVALID and not isinstance(written, MapNode):
                mistake = UnplacedError(
                    "wrong-type", f"defaults.{section} must be a map of fields", hint="write field: value"
                )
                findings.add(mistake, at=locate([layer], (section,), key=True), path=("defaults", section))

    def for_kind(self, kind: Kind) -> Mapping[str, Any]:
        """As written: templates are not worked out."""
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
        """Where the place of what `of` answers is looked for, the nearest first."""
        sectioned = self._layer.child(kind.section)
        return (sectioned, self._layer) if kind.section == self._first else (sectioned,)
