"""Reads a YAML file of settings into a model, or raises an error that names the file and the place of every mistake.

It never prints a value, which may be a secret. Knows no model.
"""

from collections.abc import Hashable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from provisioner.sandbox.errors import SettingsError

_Model = TypeVar("_Model", bound=BaseModel)


def read_settings(path: Path, model: type[_Model]) -> _Model:
    """Reads the file. Raises SettingsError."""
    try:
        content = yaml.load(path.read_bytes(), _Loader)  # noqa: S506 - a safe loader, with one more rule
        return model.model_validate(content)
    except OSError as error:
        raise SettingsError(path, error.strerror or str(error)) from error
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark is not None else ""
        raise SettingsError(path, f"{line}{error.problem}") from error
    except ValidationError as error:
        raise SettingsError(path, describe(error)) from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise SettingsError(path, "it is not text in YAML") from None


def describe(error: ValidationError) -> str:
    """Describes every mistake by its place and without its value."""
    mistakes = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'the file'}: {_in_words(each)}" for each in mistakes)


def _in_words(mistake: ErrorDetails) -> str:
    """Returns what a person has to write, in place of the validator's internal words."""
    context = mistake.get("ctx", {})
    match mistake["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return "is no key that is known here"
        case "union_tag_not_found":
            return f"{context['discriminator']} is missing"
        case "union_tag_invalid":
            return f"{context['discriminator']} must be one of {context['expected_tags']}"
        case "value_error":
            return mistake["msg"].removeprefix("Value error, ")
        case _:
            return mistake["msg"]


class _Loader(yaml.SafeLoader):
    """A YAML loader that refuses a key that is given twice; YAML would silently keep the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - yaml's signature
        keys = [key.value for key, _ in node.value]
        for index, key in enumerate(keys):
            if key in keys[:index]:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key} is given twice", node.value[index][0].start_mark
                )
        return super().construct_mapping(node, deep)
