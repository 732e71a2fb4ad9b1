"""Reads the settings of a stack from stack.yaml, for its environment.

The sections `variables:` and `defaults:` are read elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from provisioner.loading.environments import choose_environment, read_environment_names, to_pins
from provisioner.loading.findings import Findings
from provisioner.loading.misplacement import listed
from provisioner.loading.sources import ENVIRONMENTS, Sources
from provisioner.loading.stack_search import STACK_FILE
from provisioner.loading.stack_sections import EnvironmentSection, GuardsSection, PurchaseSection, Region, Slug
from provisioner.loading.state_setting import read_state_setting
from provisioner.loading.tree import INVALID, Layer, MapNode, locate, without_invalid
from provisioner.loading.unplaced_error import UnplacedError
from provisioner.loading.validation import Problem, validate
from provisioner.model.diagnostic import SourceRange, UsageError
from provisioner.model.stack import CloudName, Stack
from provisioner.model.state_setting import StateSetting

_SECTIONS = ("environments", "variables", "defaults", "purchase", "guards")
_RESERVED_KEYS = ("modules", "locals")
"""Keys that a later version will have."""


class _StackFile(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)

    stack: Slug
    cloud: Literal["huaweicloud", "sandbox"] = "huaweicloud"
    region: Region | None = None
    environment: Slug | None = None
    environments: dict[Slug, EnvironmentSection | None] | None = None
    variables: dict[str, Any] | None = None
    defaults: dict[str, Any] | None = None
    strict: bool = False
    state: str | None = None
    purchase: PurchaseSection = PurchaseSection()
    guards: GuardsSection = GuardsSection()


STACK_KEYS: Final = tuple(_StackFile.model_fields)
"""The keys of stack.yaml."""


def has_unknown_keys(layer: Layer) -> bool:
    """Returns whether stack.yaml has a key that does not exist and was reported. It may be the misspelt name of any section."""
    return any(key not in STACK_KEYS for key in layer.node)


def is_unclear(layer: Layer, section: str) -> bool:
    """Returns whether a mistake was reported that hides what a section of stack.yaml contains."""
    content = layer.node.get(section)
    if content is None:
        return has_unknown_keys(layer)
    return not isinstance(content, MapNode) or any(value is INVALID for value in content.values())


def read_stack(directory: Path, environment: str | None) -> Stack:
    """Reads only stack.yaml and chooses the environment, for commands that need no specs. Raises as `load` does."""
    findings = Findings()
    sources = Sources(directory, findings)
    settings = sources.read_stack_file()
    stack = None if settings is None else resolve_stack(settings, environment, sources)
    findings.raise_errors()
    assert stack is not None, "a stack file that cannot be read is a finding"
    return stack


def read_origins(directory: Path, environment: str | None) -> Mapping[str, SourceRange]:
    """Returns where each setting of stack.yaml that is in force is written, by its name, such as `guards.max_servers`.

    What an environment sets stands in the place of what the stack sets. Raises as `load` does.
    """
    findings = Findings()
    settings = Sources(directory, findings).read_stack_file()
    findings.raise_errors()
    assert settings is not None, "a stack file that cannot be read is a finding"
    own = settings.child(ENVIRONMENTS).child(environment or "")
    return dict(_written(settings)) | dict(_written(own))


def _written(layer: Layer) -> Iterator[tuple[str, SourceRange]]:
    """Yields the settings at the top of a map and in its sections, each with its place."""
    for key, value in layer.node.items():
        if key in {"purchase", "guards"} and isinstance(value, MapNode):
            section = layer.child(key)
            yield from ((f"{key}.{name}", locate([section], (name,))) for name in value)
        else:
            yield key, locate([layer], (key,))


def state_labels(directory: Path) -> frozenset[str]:
    """Returns the labels of all states that a stack may use: one for each environment, or one if it has none.

    A stack.yaml that cannot be read names none.
    """
    findings = Findings()
    sources = Sources(directory, findings)
    try:
        settings = sources.read_stack_file()
    except UsageError:
        return frozenset()
    if settings is None:
        return frozenset()
    name, environments = _parse(settings, findings).stack, read_environment_names(settings, sources)
    return frozenset({name} if environments is None else {f"{name}.{one}" for one in environments})


def resolve_stack(settings: Layer, environment: str | None, sources: Sources) -> Stack:
    """Returns the stack of `settings` with its environment, where `environment` is the one given on the command line."""
    parsed = _parse(settings, sources.findings)
    names = read_environment_names(settings, sources)
    chosen = choose_environment(environment, settings, names, sources.findings)
    found = (parsed.environments or {}).get(chosen or "")
    section = EnvironmentSection() if found is None else found
    state = _read_states(parsed, settings, sources)
    return Stack(
        parsed.stack,
        CloudName(parsed.cloud),
        section.region or parsed.region,
        chosen,
        purchase=parsed.purchase.policy(),
        guards=parsed.guards.overridden_by(section.guards).limits(),
        environments=names or (),
        pins=to_pins(section, settings, (ENVIRONMENTS, chosen or "")),
        protected=section.protected,
        strict=parsed.strict,
        state=state.get(chosen) or state.get(None),
    )


def _read_states(parsed: _StackFile, layer: Layer, sources: Sources) -> Mapping[str | None, StateSetting]:
    """Returns the places of states by environment; None is for those that have none of their own. Every one that is not
    accepted is a finding, also that of an environment which is not in use.
    """
    written: dict[tuple[str, ...], str | None] = {("state",): parsed.state}
    written |= {(ENVIRONMENTS, name, "state"): one.state for name, one in (parsed.environments or {}).items() if one}
    found = {
        path[1] if len(path) > 1 else None: read_state_setting(layer, path, text, sources)
        for path, text in written.items()
        if text is not None
    }
    return {name: setting for name, setting in found.items() if setting is not None}


def _parse(layer: Layer, findings: Findings) -> _StackFile:
    """Returns the content of stack.yaml. Invalid keys are reported and replaced by their default or a placeholder."""
    data, omitted = without_invalid(layer.node)
    found = [*_explained(layer, validate(_StackFile, data, omitted))]
    for problem in found:
        findings.add(
            _not_yet(problem) or problem.mistake,
            at=locate([layer], problem.path, key=problem.key, unknown=problem.unknown),
            path=problem.path,
        )
    try:
        return _StackFile.model_validate(data)
    except ValidationError as reason:
        invalid = {error["loc"][0] for error in reason.errors(include_url=False)}
    return _StackFile.model_validate({"stack": "broken"} | {key: data[key] for key in data if key not in invalid})


def _not_yet(problem: Problem) -> UnplacedError | None:
    """Returns the error for a key that a later version will have, where `problem` is that it is unknown."""
    key = problem.path[0] if len(problem.path) == 1 else None
    if problem.mistake.code != "unknown-field" or key not in _RESERVED_KEYS:
        return None
    return UnplacedError("not-supported-yet", f"{key} is not supported yet", hint="leave it out for now")


def _explained(layer: Layer, found: list[Problem]) -> Iterator[Problem]:
    """Yields the problems of stack.yaml. Unknown keys after an empty section have lost their indentation: one mistake."""
    empty = next((key for key in layer.node if key in _SECTIONS and layer.node[key] is None), None)
    keys = [*layer.node]
    unknown = [problem for problem in found if problem.mistake.code == "unknown-field" and len(problem.path) == 1]
    lost = [
        problem
        for problem in unknown
        if problem.unknown and empty is not None and keys.index(str(problem.path[0])) > keys.index(empty)
    ]
    if lost:
        names, one = listed([str(problem.path[0]) for problem in lost]), len(lost) == 1
        summary = f"{names} {'stands' if one else 'stand'} beside {empty}: and not below it"
        hint = (
            f"indent {'it' if one else 'them'} by two more spaces, so that {empty}: contains {'it' if one else 'them'}"
        )
        yield Problem(lost[0].path, UnplacedError("unknown-field", summary, hint=hint), key=True)
    for problem in found:
        if problem in lost or (lost and problem.path == (empty,)):
            continue
        if problem in unknown and problem.unknown:
            key = str(problem.path[0])
            if not isinstance(layer.node[key], str | int | float | bool):
                problem.mistake.summary = f"{key} stands in {STACK_FILE}, which has no such field"
                problem.mistake.hint = (
                    f"resources and outputs stand in the other files of this directory, such as {key}.yaml; "
                    f"{problem.mistake.hint}"
                )
        yield problem
