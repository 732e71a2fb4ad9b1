"""Validates data by a pydantic schema and translates the errors to problems at paths, in the terms of YAML.

This module knows how pydantic describes errors. It knows neither files nor the meaning of a schema.
"""

from __future__ import annotations

import re
import types
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

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
REFERENCE_FORMS = 'write {secret: "env:NAME"} or {secret: "file:path"}'
_PROBLEM_LIMIT = 50  # for one body; a hostile one could have millions
_SUBJECT = re.compile(r"^(?:Input|String|Value|List|Dictionary|Data|Tuple|Set|Decimal|Bytes) should ")


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake at a path. `key`: the key is wrong, not its value. `unknown`: the key is unknown and similar to no known one."""

    path: Path
    mistake: UnplacedError
    key: bool = False
    unknown: bool = False


def validate(
    schema: type[BaseModel],
    data: Mapping[str, Any],
    omitted: Collection[Path] = (),
    *,
    also_allowed: tuple[str, ...] = (),
) -> list[Problem]:
    """Returns the problems of `data` (at most 50).

    `omitted`: paths whose values were invalid and have been reported; problems above or below them are left out. `also_allowed`:
    fields that the schema lacks and that others validate, as suggestions for a misspelt one. A required field that was misspelt
    is not reported as missing as well.
    """
    try:
        schema.model_validate(data)
    except ValidationError as reason:
        errors = reason.errors(include_url=False)[:_PROBLEM_LIMIT]
        found = [_problem(schema, data, error, also_allowed) for error in errors]
        misspelt = {
            path for problem in found if problem.key for path in _intended_path(schema, problem.path, also_allowed)
        }
        return [
            problem
            for problem in found
            if not any(_overlap(problem.path, path) for path in omitted)
            and not (problem.mistake.code == "missing-field" and problem.path in misspelt)
        ]
    return []


def field_names(schema: object, path: Path) -> tuple[str, ...] | None:
    """Returns the fields of the map at `path`, or None where the schema names none. Excluded fields are left out."""
    model = _find_model(schema)
    if not path:
        return None if model is None else tuple(name for name, field in model.model_fields.items() if not field.exclude)
    if get_origin(schema) is dict:
        return field_names(get_args(schema)[1], path[1:])
    if isinstance(path[0], int):
        return next((names for part in get_args(schema) if (names := field_names(part, path[1:])) is not None), None)
    if model is not None and path[0] in model.model_fields:
        return field_names(model.model_fields[path[0]].annotation, path[1:])
    parts = (part for part in get_args(schema) if get_origin(schema) in {Annotated, Union, types.UnionType})
    return next((names for part in parts if (names := field_names(part, path)) is not None), None)


def literal_fields(schema: type[BaseModel]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yields the fields of a schema that take only certain words, each with its words."""
    for name, info in schema.model_fields.items():
        if (model := _find_model(info.annotation)) is not None:
            yield from literal_fields(model)
        elif words := _literal_values(info.annotation):
            yield name, words


def _literal_values(annotation: object) -> tuple[str, ...]:
    if get_origin(annotation) is Literal:
        return tuple(map(str, get_args(annotation)))
    return next((words for part in get_args(annotation) if (words := _literal_values(part))), ())


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


def _find_model(schema: object) -> type[BaseModel] | None:
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        return schema
    if get_origin(schema) in {Annotated, Union, types.UnionType, list, tuple}:
        return next((model for part in get_args(schema) if (model := _find_model(part)) is not None), None)
    return None


def _overlap(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _allowed_fields(schema: type[BaseModel], path: Path, also_allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the fields that are allowed in place of the unknown one at `path`."""
    return (field_names(schema, path[:-1]) or ()) + (also_allowed if len(path) == 1 else ())


def _intended_path(schema: type[BaseModel], path: Path, also_allowed: tuple[str, ...]) -> Iterator[Path]:
    match = closest_match(str(path[-1]), _allowed_fields(schema, path, also_allowed))
    if match is not None:
        yield (*path[:-1], match)


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
            return Problem(path, _wrong_type(name, _EXPECTED_TYPES[error_type], error["input"]))
        case "literal_error" | "enum":
            return Problem(path, _wrong_choice(name, error))
        case _:
            return Problem(path, UnplacedError("invalid-value", _message(name, error)))


def _wrong_type(name: str, expected: str, value: object) -> UnplacedError:
    hint = ""
    if expected == "a text" and isinstance(value, (bool, int, float)):
        hint = "write it in quotes"
    elif isinstance(value, str) and expected in _UNQUOTED and _UNQUOTED[expected].fullmatch(value):
        hint = "write it without quotes"
    actual = "a number with a fraction" if isinstance(value, float) else type_name(value)
    return UnplacedError(
        "wrong-type", f"{name or 'this'} must be {expected} and is {actual}", hint=hint or f"write {expected}"
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
