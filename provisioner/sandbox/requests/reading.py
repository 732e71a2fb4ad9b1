"""Reads what a client sent into a model, or returns one message with every broken rule and without any value, which
may be a secret.

The rules themselves are in each service's models.
"""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from provisioner.sandbox.errors import InvalidParameterError


class Lenient(BaseModel):
    """A body of billing or IAM. Unknown fields are ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True, defer_build=True)


class Strict(Lenient):
    """A body of ModelArts. Unknown fields are refused (section 10, question 18), and so is null."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def refuse_null(cls, data: object) -> object:
        if isinstance(data, dict) and (nulls := [str(name) for name, value in data.items() if value is None]):
            raise ValueError(f"must be left out rather than null: {', '.join(nulls)}")
        return data


class Query(BaseModel):
    """Values of a query string. Unknown parameters are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, defer_build=True)


_Model = TypeVar("_Model", bound=BaseModel)


def read_body(model: type[_Model], body: bytes) -> _Model:
    """Reads a body. Raises InvalidParameterError."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise InvalidParameterError(_describe(error)) from None


def read_parameters(model: type[_Model], parameters: Mapping[str, object]) -> _Model:
    """Reads an object inside a parsed body. Raises InvalidParameterError."""
    try:
        return model.model_validate(parameters)
    except ValidationError as error:
        raise InvalidParameterError(_describe(error)) from None


def read_query(model: type[_Model], query: Mapping[str, str]) -> _Model:
    """Reads a query string. Raises InvalidParameterError."""
    try:
        return model.model_validate(dict(query))
    except ValidationError as error:
        raise InvalidParameterError(_describe(error)) from None


def _describe(error: ValidationError) -> str:
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in details)
