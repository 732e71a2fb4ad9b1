"""The `outputs:` sections of spec files: checked when the specs are loaded, evaluated when their values are requested.

Outputs are computed from specs and state each time and are not stored, so they can't be outdated. This module knows
neither state nor cloud.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict

from provisioner.loading.declarations import Declarations
from provisioner.loading.findings import Findings
from provisioner.loading.references import Groups, Referable, find_references, group_by_name, unknown_references
from provisioner.loading.sources import OUTPUTS
from provisioner.loading.template_engine import Engine, Scope
from provisioner.loading.template_values import render
from provisioner.loading.tree import INVALID, Layer, MapNode, Path, locate, without_invalid
from provisioner.loading.unplaced_error import AlreadyReported, UnplacedError
from provisioner.loading.validation import validate
from provisioner.model.address import NAME_PATTERN, Address
from provisioner.model.canonical import JsonObject
from provisioner.model.diagnostic import SourceRange
from provisioner.model.lookalikes import describe_non_ascii
from provisioner.model.output import OutputValue


class _Declared(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)

    value: Any
    description: str = ""
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class _Output:
    name: str
    value: Any
    layer: Layer
    """The section that declares the output."""
    path: Path
    """Path from `layer` to the value."""
    description: str = ""
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Outputs:
    """The outputs that a stack declares."""

    _declared: Mapping[str, _Output] = field(default_factory=dict)
    _sections: Mapping[Address, str] = field(default_factory=dict)
    _referable: Mapping[str, Referable] = field(default_factory=dict)
    _scope: Scope = field(default_factory=dict)
    _engine: Engine = field(default_factory=Engine)
    _empty: Mapping[str, Groups] = field(default_factory=dict)
    """By section, the groups that have no resources, because their count is 0 or their `for_each` is empty."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._declared)

    def values(
        self,
        facts: Mapping[Address, JsonObject | None],
        names: Iterable[str],
        *,
        unknown: Mapping[Address, Collection[str]] | None = None,
    ) -> tuple[OutputValue, ...]:
        """Evaluates the outputs with the given names.

        `facts`: the facts of every declared address, or None for a resource that does not exist yet. `unknown`: the facts of an
        address that are not known yet, such as the id of a server that is to be bought. An output that refers to such a resource
        and can't be evaluated is unknown. Raises SpecError for all other failures, with their places.
        """
        findings, unknown = Findings(), unknown or {}
        known = {
            address: INVALID if fields is None else {**fields, **dict.fromkeys(unknown.get(address, ()), INVALID)}
            for address, fields in facts.items()
        }
        found_groups = _by_section(known, self._sections, self._referable)
        groups = {section: {**self._empty.get(section, {}), **found} for section, found in found_groups.items()}
        scope = {**self._scope, **groups}
        missing = {address.name for address, fields in facts.items() if fields is None or address in unknown}
        found = tuple(self._value(self._declared[name], scope, missing, findings) for name in names)
        findings.raise_errors()
        return found

    def refers_to(self, name: str, resources: set[str]) -> bool:
        """Returns whether the output is made of one of these resources, which are given by the names that specs declare."""
        return not resources.isdisjoint(
            _referenced_names(self._declared[name].value, self._engine, resources, self._referable)
        )

    def _value(self, output: _Output, scope: Scope, missing: set[str], findings: Findings) -> OutputValue:
        rendered = render(output.value, scope, self._engine)
        is_pending = not missing.isdisjoint(_referenced_names(output.value, self._engine, missing, self._referable))
        for path, mistake in rendered.failures:
            if mistake is not None and not is_pending:
                findings.add(mistake, at=locate([output.layer], (*output.path, *path)), path=(output.name, *path))
        known = not rendered.failures and not (missing and _holds_unknown(rendered.value))
        return OutputValue(output.name, rendered.value if known else None, known, output.sensitive, output.description)


NO_OUTPUTS = Outputs()


class OutputReader:
    """Collects the outputs of all spec files; `build` checks them against the declared resources."""

    def __init__(self, scope: Scope, findings: Findings, known: Mapping[str, Referable]) -> None:
        """Creates a reader. `known`: by section, the fields of its resources to which outputs may refer."""
        self._referable = known
        self._scope = scope
        self._findings = findings
        self._engine = Engine()
        self._declared: dict[str, _Output] = {}
        self._first_places: dict[str, SourceRange] = {}

    def read(self, layer: Layer) -> None:
        """Reads the `outputs:` section of one file."""
        node = layer.node[OUTPUTS]
        if not isinstance(node, MapNode | None):
            mistake = UnplacedError(
                "wrong-type", "outputs must be a map of names and values", hint="write name: value below it"
            )
            self._findings.add(mistake, at=locate([layer], (OUTPUTS,), key=True))
            return
        section = layer.child(OUTPUTS)
        for name, body in section.node.items():
            at = locate([section], (name,), key=True)
            if body is INVALID:
                continue
            if NAME_PATTERN.fullmatch(name) is None:
                hint = "use letters, digits, - and _, and begin with a letter or _"
                self._findings.add(
                    UnplacedError(
                        "invalid-name", f"{name} cannot be the name of an output{describe_non_ascii(name)}", hint=hint
                    ),
                    at=at,
                )
            elif (first := self._first_places.setdefault(name, at)) is not at:
                hint = f"rename one of the two; the first is at {first}"
                mistake = UnplacedError(
                    "duplicate-output", f"the output {name} is declared already, at {first}", hint=hint
                )
                self._findings.add(mistake, at=at)
            elif (output := self._output(name, body, section)) is not None:
                self._declared[name] = output

    def _output(self, name: str, body: Any, section: Layer) -> _Output | None:
        if not isinstance(body, MapNode):
            return _Output(name, body, section, (name,))
        data, omitted = without_invalid(body)
        found = validate(_Declared, data, omitted)
        for problem in found:
            at = locate([section], (name, *problem.path), key=problem.key, unknown=problem.unknown)
            self._findings.add(problem.mistake, at=at, path=(name, *problem.path))
        if found or omitted:
            return None
        read = _Declared.model_validate(data)
        return _Output(name, body["value"], section, (name, "value"), read.description, read.sensitive)

    def build(self, sections: Mapping[Address, str], declarations: Declarations) -> Outputs:
        """Returns all outputs after checking their references. `sections`: the section of each declared address."""
        groups = {section: declarations.groups(section) for section in self._referable} if self._declared else {}
        for output in self._declared.values():
            for path, text in _templates(output.value):
                for mistake in self._expression_errors(text, declarations, groups):
                    at = locate([output.layer], (*output.path, *path), near=mistake.near)
                    self._findings.add(mistake, at=at, path=(output.name, *path))
        ordered = {name: self._declared[name] for name in sorted(self._declared)}
        empty = {
            section: {name: one for name, one in found.items() if one in ([], {})} for section, found in groups.items()
        }
        return Outputs(ordered, sections, self._referable, self._scope, self._engine, empty)

    def _expression_errors(
        self, text: str, declarations: Declarations, groups: Mapping[str, Groups]
    ) -> Iterable[UnplacedError]:
        """Returns the mistakes in one template.

        A template that refers to no resource is evaluated at once, so that `validate` reports its mistakes.
        """
        try:
            trees = self._engine.parse_expressions(text)
            if not any(True for tree in trees for _ in find_references(tree, self._referable)):
                self._engine.evaluate(text, self._scope)
        except UnplacedError as mistake:
            return (mistake,)
        except AlreadyReported:
            return ()
        return [
            mistake for tree in trees for mistake in unknown_references(tree, declarations, groups, self._referable)
        ]


def _holds_unknown(value: Any) -> bool:
    """Returns whether a fact that is not known yet is part of a value, such as one of a whole resource."""
    match value:
        case dict():
            return any(map(_holds_unknown, value.values()))
        case list() | tuple():
            return any(map(_holds_unknown, value))
        case _:
            return value is INVALID


def _templates(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yields the texts in `value` that may contain templates, with their paths."""
    match value:
        case str() if "{" in value:
            yield path, value
        case dict():
            for key, item in value.items():
                yield from _templates(item, (*path, key))
        case list():
            for index, item in enumerate(value):
                yield from _templates(item, (*path, index))
        case _:
            return


def _by_section(
    facts: Mapping[Address, Any], sections: Mapping[Address, str], known: Iterable[str]
) -> dict[str, Groups]:
    return {
        section: group_by_name(
            {address: fields for address, fields in facts.items() if sections.get(address) == section}
        )
        for section in known
    }


def _referenced_names(value: Any, engine: Engine, all_names: set[str], sections: Container[str]) -> Iterator[str]:
    """Yields the names of the resources to which a value refers: all names where only the evaluation can tell."""
    for _, text in _templates(value):
        for tree in engine.parse_expressions(text):
            for _, steps in find_references(tree, sections):
                if steps and isinstance(steps[0], str):
                    yield steps[0]
                elif not steps or steps[0] is None:
                    yield from all_names
