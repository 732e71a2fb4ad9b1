"""Converts secret fields of specs to references. A literal value is wrapped in `Secret`, which never prints it.

This module knows the forms of a reference. Whether the secret exists is checked only when it is read.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

from provisioner.loading.unplaced_error import UnplacedError
from provisioner.loading.validation import REFERENCE_FORMS, type_name
from provisioner.model.diagnostic import SourceRange
from provisioner.model.secret import CHOOSE_YOUR_OWN, Secret, SecretReference, SecretSource, is_reserved

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def parse_reference(name: str, value: Any, at: SourceRange) -> SecretReference:
    """Returns the reference that a secret field gives. `at`: the place of the value, which becomes a literal's locator.

    Raises UnplacedError, whose text never contains the value.
    """
    match value:
        case str():
            return SecretReference(SecretSource.LITERAL, str(at), Secret(value))
        case {"secret": str(locator), **rest} if not rest:
            return _parse_locator(name, locator)
        case dict():
            raise _invalid(f"{name} must have the one key secret")
        case _:
            raise _invalid(f"{name} must be a secret and is {type_name(value)}")


def clear_text_error(name: str, *, strict: bool = False) -> UnplacedError:
    """Returns what is said of a secret that the specs hold in clear text. `strict`: stack.yaml forbids it."""
    hint = f'keep the value out of the specs: {name}: {{secret: "env:NAME"}}'
    rule = ", and strict: true in stack.yaml forbids it" if strict else ""
    return UnplacedError("secret-in-clear", f"{name} is written in clear{rule}", hint=hint)


def _parse_locator(name: str, locator: str) -> SecretReference:
    source, _, name_or_path = locator.partition(":")
    if source == "env" and is_reserved(name_or_path):
        summary = f"{name}.secret names {name_or_path}, which is kept for credentials and for this tool"
        raise UnplacedError("invalid-secret", summary, hint=CHOOSE_YOUR_OWN)
    if source == "env" and _VARIABLE.fullmatch(name_or_path):
        return SecretReference(SecretSource.ENVIRONMENT, name_or_path)
    path = PurePosixPath(name_or_path)
    if (
        source == "file"
        and path.parts
        and name_or_path.isprintable()
        and not path.is_absolute()
        and ".." not in path.parts
    ):
        return SecretReference(SecretSource.FILE, name_or_path)
    raise _invalid(f"{name}.secret names neither an environment variable nor a file inside the stack")


def _invalid(summary: str) -> UnplacedError:
    return UnplacedError("invalid-secret", summary, hint=REFERENCE_FORMS)
