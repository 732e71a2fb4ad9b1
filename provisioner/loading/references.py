"""Finds the resources to which a template refers, from its syntax, so that typos are reported before anything is bought.

This module knows names, indexes, keys and the fields that a resource offers. The values are known only at evaluation.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from jinja2 import nodes

from provisioner.loading.declarations import Declarations, resource_subject
from provisioner.loading.template_grammar import METHODS
from provisioner.loading.tree import INVALID
from provisioner.loading.unplaced_error import UnplacedError, suggest
from provisioner.model.address import Address

Groups: TypeAlias = Mapping[str, Any]
"""The resources of a section, by name: a single one, a list by index, or a map by key."""
_Step: TypeAlias = str | int | None


@dataclass(frozen=True, slots=True)
class Referable:
    """The fields to which templates may refer in the resources of a section, and the noun for one of them."""

    noun: str
    fields: tuple[str, ...]


def group_by_name(facts: Mapping[Address, Any]) -> dict[str, Any]:
    """Arranges facts by name, as templates see them. A list has every index up to the highest, with INVALID in the gaps."""
    groups: dict[str, Any] = {}
    for address in sorted(address for address in facts if not address.modules):
        match address.key:
            case None:
                groups[address.name] = facts[address]
            case int(index):
                items = groups.setdefault(address.name, [])
                items.extend([INVALID] * (index - len(items)))
                items.append(facts[address])
            case str(key):
                groups.setdefault(address.name, {})[key] = facts[address]
    return groups


def find_references(tree: nodes.Node, sections: Container[str]) -> Iterator[tuple[str, tuple[_Step, ...]]]:
    """Yields every reference, such as `servers.a[0].id`, as its section and the steps after it.

    A step is None where only the evaluation can tell it.
    """
    for node in tree.find_all((nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Filter)):
        steps = _steps(node)
        if steps is not None and isinstance(steps[0], str) and steps[0] in sections:
            yield steps[0], steps[1:]


def _steps(node: nodes.Node | None) -> tuple[_Step, ...] | None:
    step: _Step
    match node:
        case nodes.Name(name=str(name), ctx="load"):
            return (name,)
        case nodes.Getattr(node=inner, attr=step):
            prefix = _steps(inner)
        case nodes.Getitem(node=inner, arg=nodes.Const(value=str() | int() as step)):
            prefix = _steps(inner)
        case nodes.Getitem(node=inner):
            prefix, step = _steps(inner), None
        case nodes.Filter(name="map", node=inner):
            prefix = _steps(inner)
            prefix, step = None if prefix is None else (*prefix, None), _attribute(node)
        case _:
            return None
    return None if prefix is None else (*prefix, step)


def _attribute(node: nodes.Filter) -> str | None:
    """Returns the attribute of `map(attribute="id")`, or None if it is not a constant text."""
    given = (option.value for option in node.kwargs if isinstance(option.value, nodes.Const))
    return next((const.value for const in given if isinstance(const.value, str)), None)


def unknown_references(
    tree: nodes.Node, declarations: Declarations, sections: Mapping[str, Groups], known: Mapping[str, Referable]
) -> Iterator[UnplacedError]:
    """Yields an error for each reference to a resource, index, key or field that certainly does not exist.

    `sections`: the resources of each section whose instances are known.
    """
    for section, steps in find_references(tree, known):
        groups = sections.get(section, {})
        if steps and isinstance(steps[0], str) and steps[0] not in groups and declarations.may_declare(steps[0]):
            continue
        if (mistake := _check_reference(section, steps, groups, known[section])) is not None:
            yield mistake


def _check_reference(section: str, steps: Sequence[_Step], groups: Groups, kind: Referable) -> UnplacedError | None:
    match steps:
        case [str(name), *_] if name not in groups and name not in METHODS[dict]:
            mistake = _not_found_error(f"{section}.{name}", name, groups, f"the {section} are", section)
            mistake.hint = mistake.hint or f"declare {name} below {section}:, or mend the name"
            mistake.about = resource_subject(name)
            return mistake
        case [str(name), *rest] if name in groups:
            return _check_group(f"{section}.{name}", groups[name], rest, kind, section)
        case _:
            return None


def _check_group(
    written: str, group: Any, steps: Sequence[_Step], kind: Referable, section: str
) -> UnplacedError | None:
    if group is INVALID:
        return _check_field(written, steps, kind, section)
    match group, steps:
        case list(), [str(step), *_]:
            hint = f"write {written}[0].{step}, or {written} | map(attribute='{step}')"
            return UnplacedError(
                "undefined-variable", f"{written} is a list of {kind.noun}s and has no {step}", hint=hint
            )
        case list(), [int(index), *_] if not -len(group) <= index < len(group):
            count = (
                f"no {kind.noun}" if not group else f"{len(group)}, from {written}[0] to {written}[{len(group) - 1}]"
            )
            return UnplacedError("undefined-variable", f"{written}[{index}] does not exist", hint=f"there is {count}")
        case dict(), [str(key), *_] if key not in group and key not in METHODS[dict]:
            return _not_found_error(f"{written}.{key}", key, group, "the keys are", section)
        case dict(), [str(key), *_] if key not in group:
            return None
        case _, [_, *rest]:
            return _check_field(f"{written}[...]", rest, kind, section)
        case _:
            return None


def _check_field(written: str, steps: Sequence[_Step], kind: Referable, section: str) -> UnplacedError | None:
    match steps:
        case [str(field), *_] if field not in kind.fields:
            return _not_found_error(f"{written}.{field}", field, kind.fields, "the fields are", section)
        case [int(), *_]:
            return UnplacedError(
                "undefined-variable", f"{written} is one {kind.noun} and no list", hint=f"write {written}.id"
            )
        case _:
            return None


def _not_found_error(written: str, name: str, known: Iterable[str], title: str, section: str) -> UnplacedError:
    hint = suggest(name, known, title=title)
    if "-" in hint:
        hint += f'; a name with a hyphen is written {section}["a-b"]'
    return UnplacedError("undefined-variable", f"{written} does not exist", hint=hint)
