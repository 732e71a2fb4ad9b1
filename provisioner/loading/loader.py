"""The way from a directory to what it wants, top to bottom: stack, environment, variables, specs, resources.

Every mistake on the way is gathered; nothing is returned unless there was none. Knows the order of the steps only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provisioner.loading.defaults import Defaults
from provisioner.loading.findings import Findings
from provisioner.loading.outputs import NO_OUTPUTS, OutputReader, Outputs
from provisioner.loading.refactoring import SECTIONS, RefactoringReader
from provisioner.loading.references import Referable
from provisioner.loading.resources import Resources
from provisioner.loading.sources import OUTPUTS, Sources, VariableInputs, secret_keys, without_collector
from provisioner.loading.stack_file import chosen_stack
from provisioner.loading.tree import BROKEN, Layer, MapNode, find
from provisioner.loading.unplaced_error import UnplacedError, nearest
from provisioner.loading.validation import choices
from provisioner.loading.variables import Variables
from provisioner.model.address import NAME_PATTERN
from provisioner.model.diagnostic import Diagnostic, SourceRange
from provisioner.model.kind import Catalogue
from provisioner.model.lookalikes import describe_non_ascii
from provisioner.model.refactoring import NO_REFACTORING, Refactoring
from provisioner.model.resource import Desired
from provisioner.model.stack import Stack

_LATER_SECTIONS = frozenset(("modules", "locals"))


@dataclass(frozen=True, slots=True)
class Loaded:
    """`desired` is sorted by address."""

    stack: Stack
    desired: tuple[Desired, ...]
    warnings: tuple[Diagnostic, ...]
    refactoring: Refactoring = NO_REFACTORING
    outputs: Outputs = NO_OUTPUTS
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By section, as written: templates are not worked out."""


def load(directory: Path, *, catalogue: Catalogue, environment: str | None, inputs: VariableInputs) -> Loaded:
    """Raises SpecError or UsageError with every mistake found, by file and line."""
    with without_collector():
        findings = Findings()
        sources = Sources(directory, findings, secret_keys(catalogue), _choices(catalogue))
        settings = sources.stack()
        specs = [*sources.specs()]
        if settings is None:
            findings.settle()
            raise AssertionError("a stack file that cannot be read is a finding")
        stack = chosen_stack(settings, environment, sources)
        values = _values(settings, stack, sources, inputs)
        scope = {"var": values, "stack": stack.name} | _environment_scope(stack, sources)
        defaults = Defaults(settings.below("defaults"), catalogue, findings)
        resources = Resources(directory, defaults, scope, findings, policy=stack.purchase)
        desired = [*_desired(specs, catalogue, resources, findings)]
        resources.check_triggers()
        refactoring = _read_refactoring(specs, RefactoringReader(scope, findings), desired)
        outputs = _outputs(specs, OutputReader(scope, findings, _referable(catalogue)), desired, catalogue)
        findings.settle()
        desired.sort(key=lambda wanted: wanted.address)
        by_section = {kind.section: defaults.of(kind) for kind in catalogue.kinds}
        return Loaded(stack, tuple(desired), findings.warnings, refactoring, outputs, by_section)


def _values(settings: Layer, stack: Stack, sources: Sources, inputs: VariableInputs) -> Mapping[str, Any]:
    variables = Variables(settings, sources.findings)
    available = sources.environments()
    layers: list[Layer | None] = []
    if available is not None:
        layers.append(sources.read(available[stack.environment]) if stack.environment in available else None)
    layers += [sources.read(path, usage=True) for path in inputs.files]
    for layer in layers:
        if layer is not None:
            variables.from_file(layer)
    variables.from_environ(inputs.environ)
    for assignment in inputs.assignments:
        variables.from_assignment(assignment)
    return variables.values(complete=None not in layers)


def _environment_scope(stack: Stack, sources: Sources) -> dict[str, Any]:
    if stack.environment is not None:
        return {"env": stack.environment}
    return {} if sources.environments() is None else {"env": BROKEN}


def _read_refactoring(specs: list[Layer], reader: RefactoringReader, desired: list[Desired]) -> Refactoring:
    for layer in specs:
        for section in layer.node:
            if section in SECTIONS and layer.node[section] is not BROKEN:
                reader.read(layer, section)
    return reader.refactoring(wanted.address for wanted in desired)


def _referable(catalogue: Catalogue) -> Mapping[str, Referable]:
    return {kind.section: Referable(kind.noun, kind.facts.fields) for kind in catalogue.kinds}


def _outputs(specs: list[Layer], reader: OutputReader, desired: list[Desired], catalogue: Catalogue) -> Outputs:
    for layer in specs:
        if layer.node.get(OUTPUTS, BROKEN) is not BROKEN:
            reader.read(layer)
    return reader.outputs({wanted.address: catalogue[wanted.kind].section for wanted in desired})


def _desired(specs: list[Layer], catalogue: Catalogue, resources: Resources, findings: Findings) -> Iterator[Desired]:
    declared: dict[str, SourceRange] = {}
    for layer in specs:
        for section in layer.node:
            if section in {*SECTIONS, OUTPUTS}:
                continue
            kind = catalogue.section(section)
            if kind is None or not isinstance(layer.node[section], (MapNode, type(None))):
                _refuse_section(layer, section, catalogue, findings)
                continue
            for name, own in _bodies(layer.below(section), declared, findings):
                yield from resources.read(kind, name, own)


def _bodies(section: Layer, declared: dict[str, SourceRange], findings: Findings) -> Iterator[tuple[str, Layer]]:
    for name, body in section.node.items():
        at = find([section], (name,), key=True)
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
        elif body is not BROKEN:
            declared[name] = at
            if isinstance(body, (MapNode, type(None))):
                yield name, section.below(name)
            else:
                findings.add(
                    UnplacedError("wrong-type", f"{name} must be a map of fields", hint="write field: value below it"),
                    at=at,
                )


def _refuse_section(layer: Layer, section: str, catalogue: Catalogue, findings: Findings) -> None:
    at = find([layer], (section,), key=True)
    if layer.node[section] is BROKEN:
        return
    if catalogue.section(section) is not None:
        mistake = UnplacedError(
            "wrong-type", f"{section} must be a map of names and bodies", hint="write name: below it"
        )
    elif section in _LATER_SECTIONS:
        mistake = UnplacedError("not-supported-yet", f"{section} is not supported yet", hint="leave it out for now")
    else:
        hint = nearest(section, (*catalogue.sections, *SECTIONS, OUTPUTS), title="the sections are")
        mistake = UnplacedError("unknown-section", f"there is no section {section}", hint=hint)
    findings.add(mistake, at=at)


def _choices(catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    return {key: words for kind in catalogue.kinds for key, words in choices(kind.schema)}
