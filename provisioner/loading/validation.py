"""Validates data by a pydantic schema and translates the errors to problems at paths, in the terms of YAML.

This module knows how pydantic describes errors. It knows neither files nor the meaning of a schema.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from provisioner.loading.lookalike_syntax import hint_for_text
from provisioner.loading.misplacement import listed
from provisioner.loading.schemas import field_names
from provisioner.loading.tree import Path
from provisioner.loading.unplaced_error import UnplacedError, closest_match, suggest
from provisioner.model.lookalikes import describe_non_ascii

_EXPECTED_TYPES: Mapping[str, str] = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a map",
    "mapping_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
    "dataclass_type": "a map",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "none_required": "nothing",
}
_UNQUOTED: Mapping[str, re.Pattern[str]] = {
    "a whole number": re.compile(r"-?[0-9]+"),
    "a number": re.compile(r"-?[0-9]+(\.[0-9]+)?"),
    "true or false": re.compile(r"true|false"),
}
"""Texts that would be valid without their quotes, by the expected type."""
_WITH_UNIT = re.compile(r"(-?[0-9]+) ?[A-Za-z]+")
_EXAMPLES: Mapping[str, str] = {"a list": ", as in [a, b]", "a map": " of keys and values, as in {key: value}"}
REFERENCE_FORMS = 'write {secret: "env:NAME"} or {secret: "file:path"}'
_PROBLEM_LIMIT = 50  # for one body; a hostile one could have millions
_SUBJECT = re.compile(r"^(?:Input|String|Value|List|Dictionary|Data|Tuple|Set|Decimal|Bytes) should ")


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake at a path. `key`: the key is wrong, not its value. `unknown`: the key is unknown and similar to no known one.
    `between`: the two fields that exclude each other. `expected`: the type that is wanted where another one is given.
    """

    path: Path
    mistake: UnplacedError
    key: bool = False
    unknown: bool = False
    between: tuple[Path, ...] = ()
    expected: str = ""


def validate(
    schema: type[BaseModel],
    data: Mapping[str, Any],
    omitted: Collection[Path] = (),
    *,
    also_allowed: tuple[str, ...] = (),
) -> list[Problem]:
    """Returns the problems of `data` (at most 50).

    `omitted`: paths whose values were invalid and have been reported; problems above or below them are left out. `also_allowed`:
    fields that the schema lacks and that others validate, as suggestions for a misspelt one. What one slip explains, such as a
    field that is misspelt and so missing as well, is one problem.
    """
    try:
        schema.model_validate(data)
    except ValidationError as reason:
        errors = reason.errors(include_url=False)[:_PROBLEM_LIMIT]
        found = [_problem(schema, data, error, also_allowed) for error in errors]
        found = [problem for problem in found if not any(_overlap(problem.path, path) for path in omitted)]
        return _Slips(schema, data, omitted, also_allowed).combine(found)
    return []


def type_name(value: object) -> str:
    """Returns the type of a value in the terms of YAML, never the value itself."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case Mapping():
            return "a map"
        case list() | tuple():
            return "a list"
        case _:
            return "a secret"


def dotted(path: Path) -> str:
    """Returns a path as it is shown in messages, `network.vpc_id`."""
    return ".".join(map(str, path))


def _overlap(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _allowed_fields(schema: type[BaseModel], path: Path, also_allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the fields that are allowed in place of the unknown one at `path`."""
    return (field_names(schema, path[:-1]) or ()) + (also_allowed if len(path) == 1 else ())


def _problem(schema: type[BaseModel], data: Mapping[str, Any], error: Any, also_allowed: tuple[str, ...]) -> Problem:
    error_type: str = error["type"]
    path = tuple(_data_path(data, error["loc"], missing=error_type == "missing"))
    name = dotted(path)
    match error_type:
        case "extra_forbidden":
            known = _allowed_fields(schema, path, also_allowed)
            hint = suggest(str(path[-1]), known, title="the fields here are")
            mistake = UnplacedError(
                "unknown-field", f"there is no field {name}{describe_non_ascii(str(path[-1]))}", hint=hint
            )
            return Problem(path, mistake, key=True, unknown=closest_match(str(path[-1]), known) is None)
        case "missing":
            return Problem(
                path, UnplacedError("missing-field", f"{name} is required and missing", hint=f"write {path[-1]}: ...")
            )
        case "is_instance_of" if "SecretReference" in error["msg"]:
            return Problem(path, UnplacedError("invalid-secret", f"{name} is no secret", hint=REFERENCE_FORMS))
        case _ if error_type in _EXPECTED_TYPES:
            expected = _EXPECTED_TYPES[error_type]
            return Problem(path, _wrong_type(name, expected, error["input"]), expected=expected)
        case "literal_error" | "enum":
            expected = "" if isinstance(error["input"], str) else "a text"
            return Problem(path, _wrong_choice(name, error), expected=expected)
        case _:
            given = error["input"]
            lowered = isinstance(given, str) and given != given.lower() and "lower case" in _message(name, error)
            hint = f"write {given.lower()}" if lowered else ""
            return Problem(path, UnplacedError("invalid-value", _message(name, error), hint=hint))


def _wrong_type(name: str, expected: str, value: object) -> UnplacedError:
    hint = ""
    if expected == "a text" and isinstance(value, (bool, int, float)):
        hint = "write it in quotes"
    elif isinstance(value, str) and expected in _UNQUOTED and _UNQUOTED[expected].fullmatch(value):
        hint = "write it without quotes"
    elif isinstance(value, str):
        with_unit = _WITH_UNIT.fullmatch(value) if expected in _UNQUOTED else None
        hint = hint_for_text(value) if with_unit is None else f"write {expected} without its unit: {with_unit[1]}"
    actual = "a number with a fraction" if isinstance(value, float) else type_name(value)
    odd = describe_non_ascii(value) if isinstance(value, str) else ""
    return UnplacedError(
        "wrong-type",
        f"{name or 'this'} must be {expected} and is {actual}{odd}",
        hint=hint or f"write {expected}{_EXAMPLES.get(expected, '')}",
    )


def _wrong_choice(name: str, error: Any) -> UnplacedError:
    choices = re.findall(r"'([^']*)'|(\d+)", error.get("ctx", {}).get("expected", ""))
    known = [text or number for text, number in choices]
    if not isinstance(error["input"], str) and known:
        return _wrong_type(name, "a text", error["input"])
    return UnplacedError(
        "invalid-value",
        f"{name} must be one of {', '.join(known)}{describe_non_ascii(str(error['input']))}",
        hint=suggest(str(error["input"]), known),
    )


def _message(name: str, error: Any) -> str:
    reason = error.get("ctx", {}).get("error")
    if reason is not None:
        return f"{name}: {reason}" if name else str(reason)
    return f"{name} {_SUBJECT.sub('must ', error['msg'])}"


def _data_path(data: Any, location: tuple[str | int, ...], *, missing: bool) -> Iterator[str | int]:
    """Yields the steps of a pydantic location that exist in `data`, without the tags of unions.

    `missing`: the last step names a field that is absent, and is yielded as well.
    """
    container = data
    for index, step in enumerate(location):
        if isinstance(container, Mapping) and step in container:
            yield step
            container = container[str(step)]
        elif isinstance(container, (list, tuple)) and isinstance(step, int) and step < len(container):
            yield step
            container = container[step]
        elif missing and index == len(location) - 1:
            yield step


class _Slips:
    """Combines the problems that one slip of an author explains, such as a field that is misspelt and so missing as well."""

    def __init__(
        self, schema: type[BaseModel], data: Mapping[str, Any], omitted: Collection[Path], also_allowed: tuple[str, ...]
    ) -> None:
        self._schema = schema
        self._data = data
        self._also_allowed = also_allowed
        self._unreadable = {
            path[:-1] for path in omitted if path and path[-1] not in (field_names(schema, path[:-1]) or ())
        }
        """The maps with a key that could not be read, which may be the one that seems to be missing."""

    def combine(self, found: list[Problem]) -> list[Problem]:
        unknown = [problem for problem in found if problem.mistake.code == "unknown-field"]
        missing = [problem for problem in found if problem.mistake.code == "missing-field"]
        others = [problem for problem in found if problem.mistake.code not in {"unknown-field", "missing-field"}]
        misplaced: dict[tuple[Path, Path], list[Problem]] = {}
        explained = set[Path]()
        kept = []
        for problem in unknown:
            if (owner := self._owner(problem.path)) is not None:
                misplaced.setdefault((problem.path[:-1], owner), []).append(problem)
                explained.add(owner)
            else:
                kept.append(problem)
                known = _allowed_fields(self._schema, problem.path, self._also_allowed)
                if (match := closest_match(str(problem.path[-1]), known)) is not None:
                    explained.add((*problem.path[:-1], match))
        absent: dict[Path, list[Problem]] = {}
        for problem in missing:
            if problem.path not in explained and problem.path[:-1] not in self._unreadable:
                absent.setdefault(problem.path[:-1], []).append(problem)
        for problem in kept:
            if problem.unknown and (lacking := absent.pop(problem.path[:-1], None)) is not None:
                names = listed([str(each.path[-1]) for each in lacking])
                problem.mistake.hint += (
                    f"; of these, {names} {'is' if len(lacking) == 1 else 'are'} required and missing"
                )
        others = [problem for problem in others if problem.path not in explained]
        moved = [_misplaced(at, owner, problems) for (at, owner), problems in misplaced.items()]
        return [*others, *kept, *moved, *map(_missing, absent.values())]

    def _owner(self, path: Path) -> Path | None:
        """Returns the map into which a field belongs that stands beside it or in it by wrong indentation."""
        parent, name = path[:-1], path[-1]
        if parent and isinstance(name, str) and name in _allowed_fields(self._schema, parent, self._also_allowed):
            return parent[:-1]
        owners = [
            (*parent, field)
            for field in field_names(self._schema, parent) or ()
            if name in (field_names(self._schema, (*parent, field)) or ()) and self._is_absent((*parent, field))
        ]
        return owners[0] if len(owners) == 1 else None

    def _is_absent(self, path: Path) -> bool:
        value: Any = self._data
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        return not value


def _misplaced(at: Path, owner: Path, problems: list[Problem]) -> Problem:
    """Returns one problem for fields that stand at `at` and belong into `owner`."""
    names = listed([str(problem.path[-1]) for problem in problems])
    verb, it = ("belongs", "it") if len(problems) == 1 else ("belong", "them")
    if len(owner) > len(at):
        summary = f"{names} {verb} into {dotted(owner)}, and {'stands' if len(problems) == 1 else 'stand'} beside it"
        hint = f"write {it} below {owner[-1]}: and indent {it} by two more spaces"
    else:
        summary = f"{names} {verb} beside {dotted(at)}, and {'stands' if len(problems) == 1 else 'stand'} in it"
        hint = f"indent {it} as far as {at[-1]}:"
    first = problems[0]
    return Problem(first.path, UnplacedError("unknown-field", summary, hint=hint), key=True)


def _missing(problems: list[Problem]) -> Problem:
    """Returns one problem for all fields that one map lacks."""
    first, *more = problems
    if not more:
        return first
    summary = f"{listed([dotted(problem.path) for problem in problems])} are required and missing"
    hint = f"write {listed([f'{problem.path[-1]}: ...' for problem in problems])}"
    return Problem(first.path, UnplacedError("missing-field", summary, hint=hint))
