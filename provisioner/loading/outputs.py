"""`outputs:` in spec files: values made of what is known of the resources, judged when they are read, worked out when asked for.

They are computed from specs and state each time, so that there is nothing to keep up to date. Knows no state and no cloud.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict

from provisioner.loading.findings import Findings
from provisioner.loading.references import Groups, Referable, arranged, chains, misspelt
from provisioner.loading.sources import OUTPUTS
from provisioner.loading.template_engine import Engine, Scope
from provisioner.loading.template_values import render
from provisioner.loading.tree import BROKEN, Layer, MapNode, Path, find, sift
from provisioner.loading.unplaced_error import AlreadyReported, UnplacedError
from provisioner.loading.validation import problems
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
    """Of the section it stands in."""
    within: Path
    """From there to its value."""
    description: str = ""
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a stack declares, by name."""

    _declared: Mapping[str, _Output] = field(default_factory=dict)
    _sections: Mapping[Address, str] = field(default_factory=dict)
    _known: Mapping[str, Referable] = field(default_factory=dict)
    _scope: Scope = field(default_factory=dict)
    _engine: Engine = field(default_factory=Engine)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._declared)

    def values(self, facts: Mapping[Address, JsonObject | None], names: Iterable[str]) -> tuple[OutputValue, ...]:
        """`facts` of everything that the specs declare, with the fields that its kind has for others; None for what is not there
        yet. Raises SpecError with the place of whatever cannot be worked out from them.
        """
        findings = Findings()
        known = {address: BROKEN if told is None else told for address, told in facts.items()}
        scope = {**self._scope, **_by_section(known, self._sections, self._known)}
        missing = {address.name for address, told in facts.items() if told is None}
        found = tuple(self._value(self._declared[name], scope, missing, findings) for name in names)
        findings.settle()
        return found

    def _value(self, output: _Output, scope: Scope, missing: set[str], findings: Findings) -> OutputValue:
        rendered = render(output.value, scope, self._engine)
        waits = not missing.isdisjoint(_speaks_of(output.value, self._engine, missing, self._known))
        for path, mistake in rendered.failures:
            if mistake is not None and not waits:
                findings.add(mistake, at=find([output.layer], (*output.within, *path)), path=(output.name, *path))
        known = not rendered.failures
        return OutputValue(output.name, rendered.value if known else None, known, output.sensitive, output.description)


NO_OUTPUTS = Outputs()


class OutputReader:
    def __init__(self, scope: Scope, findings: Findings, known: Mapping[str, Referable]) -> None:
        """`known`: by section, what may be asked of its resources."""
        self._known = known
        self._scope = scope
        self._findings = findings
        self._engine = Engine()
        self._declared: dict[str, _Output] = {}
        self._places: dict[str, SourceRange] = {}

    def read(self, layer: Layer) -> None:
        """The section of one file."""
        written = layer.node[OUTPUTS]
        if not isinstance(written, MapNode | None):
            mistake = UnplacedError(
                "wrong-type", "outputs must be a map of names and values", hint="write name: value below it"
            )
            self._findings.add(mistake, at=find([layer], (OUTPUTS,), key=True))
            return
        section = layer.below(OUTPUTS)
        for name, body in section.node.items():
            at = find([section], (name,), key=True)
            if NAME_PATTERN.fullmatch(name) is None:
                hint = "use letters, digits, - and _, and begin with a letter or _"
                self._findings.add(
                    UnplacedError(
                        "invalid-name", f"{name} cannot be the name of an output{describe_non_ascii(name)}", hint=hint
                    ),
                    at=at,
                )
            elif (first := self._places.setdefault(name, at)) is not at:
                hint = f"rename one of the two; the first is at {first}"
                mistake = UnplacedError(
                    "duplicate-output", f"the output {name} is declared already, at {first}", hint=hint
                )
                self._findings.add(mistake, at=at)
            elif body is not BROKEN and (output := self._output(name, body, section)) is not None:
                self._declared[name] = output

    def _output(self, name: str, body: Any, section: Layer) -> _Output | None:
        if not isinstance(body, MapNode):
            return _Output(name, body, section, (name,))
        data, withheld = sift(body)
        found = problems(_Declared, data, withheld)
        for problem in found:
            at = find([section], (name, *problem.path), key=problem.key, unknown=problem.unknown)
            self._findings.add(problem.mistake, at=at, path=(name, *problem.path))
        if found or withheld:
            return None
        read = _Declared.model_validate(data)
        return _Output(name, body["value"], section, (name, "value"), read.description, read.sensitive)

    def outputs(self, sections: Mapping[Address, str]) -> Outputs:
        """Judged by what the specs declare, and in which section."""
        groups = _by_section(dict.fromkeys(sections, BROKEN), sections, self._known) if self._declared else {}
        for output in self._declared.values():
            for path, text in _texts(output.value):
                for mistake in self._mistakes(text, groups):
                    at = find([output.layer], (*output.within, *path))
                    self._findings.add(mistake, at=at, path=(output.name, *path))
        ordered = {name: self._declared[name] for name in sorted(self._declared)}
        return Outputs(ordered, sections, self._known, self._scope, self._engine)

    def _mistakes(self, text: str, groups: Mapping[str, Groups]) -> Iterable[UnplacedError]:
        """What speaks of no resource can be worked out now, and is: a slip in it is told by `validate`."""
        try:
            trees = self._engine.trees(text)
            if not any(True for tree in trees for _ in chains(tree, self._known)):
                self._engine.value(text, self._scope)
        except UnplacedError as mistake:
            return (mistake,)
        except AlreadyReported:
            return ()
        return [mistake for tree in trees for mistake in misspelt(tree, groups, self._known)]


def _texts(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Those that are, or hold, templates."""
    match value:
        case str() if "{" in value:
            yield path, value
        case dict():
            for key, item in value.items():
                yield from _texts(item, (*path, key))
        case list():
            for index, item in enumerate(value):
                yield from _texts(item, (*path, index))
        case _:
            return


def _by_section(
    facts: Mapping[Address, Any], sections: Mapping[Address, str], known: Iterable[str]
) -> dict[str, Groups]:
    return {
        section: arranged({address: told for address, told in facts.items() if sections.get(address) == section})
        for section in known
    }


def _speaks_of(value: Any, engine: Engine, everybody: set[str], sections: Container[str]) -> Iterator[str]:
    """The names of the resources that a value is made of; everybody's where only its evaluation knows."""
    for _, text in _texts(value):
        for tree in engine.trees(text):
            for _, steps in chains(tree, sections):
                if steps and isinstance(steps[0], str):
                    yield steps[0]
                elif not steps or steps[0] is None:
                    yield from everybody
