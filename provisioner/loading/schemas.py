"""Reads what fields a pydantic schema has: at a path, and those that take only certain words."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from provisioner.loading.tree import Path


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


def _find_model(schema: object) -> type[BaseModel] | None:
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        return schema
    if get_origin(schema) in {Annotated, Union, types.UnionType, list, tuple}:
        return next((model for part in get_args(schema) if (model := _find_model(part)) is not None), None)
    return None
