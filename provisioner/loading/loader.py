"""Loads a stack in order: stack.yaml, environment, variables, spec files, resources.

Every step collects its mistakes, and `load` returns only when there were none. This module knows only the order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from provisioner.loading.declarations import Declarations
from provisioner.loading.defaults import Defaults
from provisioner.loading.findings import Findings
from provisioner.loading.outputs import NO_OUTPUTS, OutputReader, Outputs
from provisioner.loading.refactoring import REFACTORING_SECTIONS, RefactoringReader
from provisioner.loading.references import Referable
from provisioner.loading.release_needs import assumed_protected, is_for_creating_only, unread_specs_warning
from provisioner.loading.resources import ResourceReader
from provisioner.loading.schemas import literal_fields
from provisioner.loading.sources import ENVIRONMENTS, OUTPUTS, Sources, VariableInputs, gc_paused, secret_keys
from provisioner.loading.spec_sections import SectionReader
from provisioner.loading.stack_file import has_unknown_keys, is_unclear, resolve_stack
from provisioner.loading.template_engine import Engine
from provisioner.loading.tree import INVALID, Layer
from provisioner.loading.variables import Variables
from provisioner.model.address import Address
from provisioner.model.diagnostic import Diagnostic
from provisioner.model.kind import Catalogue
from provisioner.model.refactoring import NO_REFACTORING, Refactoring
from provisioner.model.resource import Desired
from provisioner.model.secret import Secret
from provisioner.model.stack import Stack


@dataclass(frozen=True, slots=True)
class Loaded:
    """A stack with everything that its specs declare. `desired` is sorted by address."""

    stack: Stack
    desired: tuple[Desired, ...]
    warnings: tuple[Diagnostic, ...]
    refactoring: Refactoring = NO_REFACTORING
    outputs: Outputs = NO_OUTPUTS
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By section, as written, with templates not yet evaluated."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """The variables whose values came from outside the stack, without those that may be secrets."""
    sensitive_values: frozenset[str] = frozenset()
    """The texts and numbers under names of secrets, in variables, in `vars` of templates and in `for_each`."""
    assumed_protected: frozenset[Address] = frozenset()
    """Groups that a release could not read whole, and whose servers count as protected."""


def load(
    directory: Path,
    *,
    catalogue: Catalogue,
    environment: str | None,
    inputs: VariableInputs,
    for_release: bool = False,
) -> Loaded:
    """Loads the stack in `directory`. Raises SpecError or UsageError with every mistake, each with its file and line.

    With `for_release`, mistakes in values that only creating needs are one warning, and what has them is not in `desired`.
    """
    with gc_paused():
        findings = Findings()
        sources = Sources(directory, findings, secret_keys(catalogue), _literal_fields(catalogue))
        settings = sources.read_stack_file()
        specs = [*sources.read_specs()]
        if settings is None:
            findings.raise_errors()
            raise AssertionError("a stack file that cannot be read is a finding")
        declarations = Declarations(is_complete=not sources.unread and not has_unknown_keys(settings))
        stack = resolve_stack(settings, environment, sources)
        misplaced = {key for layer in specs for key in layer.node}
        unclear = {
            key for key in ("variables", "defaults", ENVIRONMENTS) if key in misplaced or is_unclear(settings, key)
        }
        values, variables = _variable_values(settings, stack, sources, inputs, is_unclear="variables" in unclear)
        for value in variables.sensitive_values:
            findings.mask(Secret(value))
        scope = {"var": values, "stack": stack.name} | _environment_scope(
            stack, sources, is_unclear=ENVIRONMENTS in unclear
        )
        defaults = Defaults(settings.child("defaults"), catalogue, findings, is_unclear="defaults" in unclear)
        resources = ResourceReader(directory, defaults, scope, findings, declarations, stack)
        sections = SectionReader(catalogue, declarations, findings, values)
        desired = [one for layer in specs for found in sections.read(layer) for one in resources.read(*found)]
        resources.check_triggers()
        reader = RefactoringReader(scope, findings)
        refactoring = _read_refactoring(specs, reader, declarations)
        placed = {resource.address: catalogue[resource.kind].section for resource in desired}
        outputs = _read_outputs(specs, OutputReader(scope, findings, _referable(catalogue)), placed, declarations)
        left_aside = findings.errors if for_release and reader.is_complete else ()
        if not left_aside or not all(map(is_for_creating_only, left_aside)):
            findings.raise_errors()
        desired.sort(key=lambda resource: resource.address)
        by_section = {kind.section: defaults.for_kind(kind) for kind in catalogue.kinds}
        loaded = Loaded(
            stack,
            tuple(desired),
            findings.warnings,
            refactoring,
            outputs,
            by_section,
            variables.given,
            variables.sensitive_values | resources.sensitive_values,
        )
        if not left_aside:
            return loaded
        protected = frozenset(assumed_protected(resources.unread, scope, Engine()))
        warnings = (unread_specs_warning(left_aside), *loaded.warnings)
        return replace(loaded, warnings=warnings, assumed_protected=protected)


def _variable_values(
    settings: Layer, stack: Stack, sources: Sources, inputs: VariableInputs, *, is_unclear: bool
) -> tuple[Mapping[str, Any], Variables]:
    """Returns all values by name, and the variables that they are of."""
    variables = Variables(settings, sources.findings, is_unclear=is_unclear)
    available = sources.environments()
    is_complete = True
    if available is not None:
        path = available.get(stack.environment or "")
        layer = None if path is None else sources.read(path)
        is_complete = layer is not None and path not in sources.unread
        if layer is not None:
            variables.add_file(layer)
    for path in inputs.files:
        if (layer := sources.read(path, usage=True)) is None:
            is_complete = False
        else:
            variables.add_file(layer, outside=True)
    variables.add_environ(inputs.environ)
    for assignment in inputs.assignments:
        variables.add_assignment(assignment)
    variables.add_values(inputs.values, "the saved plan")
    return variables.values(complete=is_complete), variables


def _environment_scope(stack: Stack, sources: Sources, *, is_unclear: bool) -> dict[str, Any]:
    if stack.environment is not None:
        return {"env": stack.environment}
    has_none = not stack.environments and sources.environments() is None and not is_unclear
    return {} if has_none else {"env": INVALID}


def _read_refactoring(specs: list[Layer], reader: RefactoringReader, declarations: Declarations) -> Refactoring:
    for layer in specs:
        for section in layer.node:
            if section in REFACTORING_SECTIONS and layer.node[section] is not INVALID:
                reader.read(layer, section)
    return reader.build(declarations)


def _referable(catalogue: Catalogue) -> Mapping[str, Referable]:
    return {kind.section: Referable(kind.noun, kind.facts.fields) for kind in catalogue.kinds}


def _read_outputs(
    specs: list[Layer], reader: OutputReader, sections: Mapping[Address, str], declarations: Declarations
) -> Outputs:
    for layer in specs:
        if layer.node.get(OUTPUTS, INVALID) is not INVALID:
            reader.read(layer)
    return reader.build(sections, declarations)


def _literal_fields(catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    return {key: words for kind in catalogue.kinds for key, words in literal_fields(kind.schema)}
