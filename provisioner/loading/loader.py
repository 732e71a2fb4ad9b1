"""Loads a stack in order: stack.yaml, environment, variables, spec files, resources.

Every step collects its mistakes, and `load` returns only when there were none. This module knows only the order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from provisioner.loading.defaults import Defaults
from provisioner.loading.findings import Findings
from provisioner.loading.outputs import NO_OUTPUTS, OutputReader, Outputs
from provisioner.loading.refactoring import REFACTORING_SECTIONS, RefactoringReader
from provisioner.loading.references import Referable
from provisioner.loading.release_needs import assumed_protected, is_for_creating_only, unread_specs_warning
from provisioner.loading.resources import ResourceReader
from provisioner.loading.sources import OUTPUTS, Sources, VariableInputs, gc_paused, secret_keys
from provisioner.loading.stack_file import resolve_stack
from provisioner.loading.template_engine import Engine
from provisioner.loading.tree import INVALID, Layer, MapNode, locate
from provisioner.loading.unplaced_error import UnplacedError, suggest
from provisioner.loading.validation import literal_fields
from provisioner.loading.variables import Variables
from provisioner.model.address import NAME_PATTERN, Address
from provisioner.model.diagnostic import Diagnostic, SourceRange
from provisioner.model.kind import Catalogue
from provisioner.model.lookalikes import describe_non_ascii
from provisioner.model.refactoring import NO_REFACTORING, Refactoring
from provisioner.model.resource import Desired
from provisioner.model.stack import Stack

_RESERVED_SECTIONS = frozenset(("modules", "locals"))


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
    """The texts of variables that may be secrets by their names."""
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
        stack = resolve_stack(settings, environment, sources)
        values, variables = _variable_values(settings, stack, sources, inputs)
        scope = {"var": values, "stack": stack.name} | _environment_scope(stack, sources)
        defaults = Defaults(settings.child("defaults"), catalogue, findings)
        resources = ResourceReader(directory, defaults, scope, findings, policy=stack.purchase)
        desired = [*_read_resources(specs, catalogue, resources, findings)]
        resources.check_triggers()
        reader = RefactoringReader(scope, findings)
        refactoring = _read_refactoring(specs, reader, desired)
        outputs = _read_outputs(specs, OutputReader(scope, findings, _referable(catalogue)), desired, catalogue)
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
            variables.sensitive_values,
        )
        if not left_aside:
            return loaded
        protected = frozenset(assumed_protected(resources.unread, scope, Engine()))
        warnings = (unread_specs_warning(left_aside), *loaded.warnings)
        return replace(loaded, warnings=warnings, assumed_protected=protected)


def _variable_values(
    settings: Layer, stack: Stack, sources: Sources, inputs: VariableInputs
) -> tuple[Mapping[str, Any], Variables]:
    """Returns all values by name, and the variables that they are of."""
    variables = Variables(settings, sources.findings)
    available = sources.environments()
    is_complete = True
    if available is not None:
        layer = sources.read(available[stack.environment]) if stack.environment in available else None
        is_complete = layer is not None
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


def _environment_scope(stack: Stack, sources: Sources) -> dict[str, Any]:
    if stack.environment is not None:
        return {"env": stack.environment}
    return {} if not stack.environments and sources.environments() is None else {"env": INVALID}


def _read_refactoring(specs: list[Layer], reader: RefactoringReader, desired: list[Desired]) -> Refactoring:
    for layer in specs:
        for section in layer.node:
            if section in REFACTORING_SECTIONS and layer.node[section] is not INVALID:
                reader.read(layer, section)
    return reader.build(resource.address for resource in desired)


def _referable(catalogue: Catalogue) -> Mapping[str, Referable]:
    return {kind.section: Referable(kind.noun, kind.facts.fields) for kind in catalogue.kinds}


def _read_outputs(specs: list[Layer], reader: OutputReader, desired: list[Desired], catalogue: Catalogue) -> Outputs:
    for layer in specs:
        if layer.node.get(OUTPUTS, INVALID) is not INVALID:
            reader.read(layer)
    return reader.build({resource.address: catalogue[resource.kind].section for resource in desired})


def _read_resources(
    specs: list[Layer], catalogue: Catalogue, resources: ResourceReader, findings: Findings
) -> Iterator[Desired]:
    declared: dict[str, SourceRange] = {}
    for layer in specs:
        for section in layer.node:
            if section in {*REFACTORING_SECTIONS, OUTPUTS}:
                continue
            kind = catalogue.section(section)
            if kind is None or not isinstance(layer.node[section], (MapNode, type(None))):
                _report_section(layer, section, catalogue, findings)
                continue
            for name, body in _resource_bodies(layer.child(section), declared, findings):
                yield from resources.read(kind, name, body)


def _resource_bodies(
    section: Layer, declared: dict[str, SourceRange], findings: Findings
) -> Iterator[tuple[str, Layer]]:
    for name, body in section.node.items():
        at = locate([section], (name,), key=True)
        if NAME_PATTERN.fullmatch(name) is None:
            hint = "use letters, digits, - and _, and begin with a letter or _"
            findings.add(
                UnplacedError(
                    "invalid-name", f"{name} cannot be the name of a resource{describe_non_ascii(name)}", hint=hint
                ),
                at=at,
            )
        elif name in declared:
            first = declared[name]
            hint = f"rename one of the two; the first is at {first}"
            findings.add(
                UnplacedError("duplicate-address", f"{name} is declared already, at {first}", hint=hint), at=at
            )
        elif body is not INVALID:
            declared[name] = at
            if isinstance(body, (MapNode, type(None))):
                yield name, section.child(name)
            else:
                findings.add(
                    UnplacedError("wrong-type", f"{name} must be a map of fields", hint="write field: value below it"),
                    at=at,
                )


def _report_section(layer: Layer, section: str, catalogue: Catalogue, findings: Findings) -> None:
    at = locate([layer], (section,), key=True)
    if layer.node[section] is INVALID:
        return
    if catalogue.section(section) is not None:
        mistake = UnplacedError(
            "wrong-type", f"{section} must be a map of names and bodies", hint="write name: below it"
        )
    elif section in _RESERVED_SECTIONS:
        mistake = UnplacedError("not-supported-yet", f"{section} is not supported yet", hint="leave it out for now")
    else:
        hint = suggest(section, (*catalogue.sections, *REFACTORING_SECTIONS, OUTPUTS), title="the sections are")
        mistake = UnplacedError("unknown-section", f"there is no section {section}", hint=hint)
    findings.add(mistake, at=at)


def _literal_fields(catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    return {key: words for kind in catalogue.kinds for key, words in literal_fields(kind.schema)}
