"""Content fields: a text, a template file or Base64 in the specs becomes the Base64 that goes on the wire.

Reads template files, each once, from inside the stack only. Knows forms and bytes, not what a field is for.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from provisioner.loading.files import TEMPLATE_LIMIT, below, read_text
from provisioner.loading.merging import CONTENT_FORMS
from provisioner.loading.template_engine import Engine, Scope
from provisioner.loading.unplaced_error import UnplacedError, nearest
from provisioner.loading.validation import kind_of

_FORMS = "write a text, {text: ...}, {template: path, vars: {...}} or {base64: ...}"


class Contents:
    def __init__(self, directory: FilePath, engine: Engine) -> None:
        self._directory = directory
        self._engine = engine
        self._read: dict[str, str | UnplacedError] = {}

    def encoded(self, name: str, value: Any, scope: Scope) -> str:
        """Raises UnplacedError, and AlreadyReported when a template needs what was reported elsewhere."""
        match value:
            case str():
                return _encoded(value)
            case {"text": str(text), **others} if not others:
                return _encoded(text)
            case {"base64": str(text), **others} if not others:
                return _normal(name, text)
            case {"template": str(path), **others} if others.keys() <= {"vars"}:
                return _encoded(self._rendered(name, path, others.get("vars", {}), scope))
            case _:
                raise _misshapen(name, value)

    def _rendered(self, name: str, path: str, given: Any, scope: Scope) -> str:
        if not isinstance(given, dict):
            raise UnplacedError(
                "wrong-type", f"{name}.vars must be a map and is {kind_of(given)}", hint="write vars: {role: trainer}"
            )
        for taken in given.keys() & {*scope, "vars", "range", "loop"}:
            raise UnplacedError(
                "invalid-content", f"{name}.vars may not name {taken}: it has a meaning of its own", hint="rename it"
            )
        try:
            return self._engine.file(self._source(path), {**scope, **given, "vars": given})
        except UnplacedError as mistake:
            raise UnplacedError(
                mistake.code, f"{name}, template {path}: {mistake.summary}", hint=mistake.hint
            ) from None

    def _source(self, path: str) -> str:
        if path not in self._read:
            try:
                self._read[path] = read_text(below(self._directory, path), limit=TEMPLATE_LIMIT)
            except UnplacedError as mistake:
                self._read[path] = mistake
        source = self._read[path]
        if isinstance(source, UnplacedError):
            raise source
        return source


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _normal(name: str, text: str) -> str:
    try:
        return base64.b64encode(base64.b64decode("".join(text.split()), validate=True)).decode()
    except (binascii.Error, ValueError):
        raise UnplacedError(
            "invalid-content", f"{name}.base64 is not Base64", hint="encode it by base64 -w0 FILE"
        ) from None


def _misshapen(name: str, value: Any) -> UnplacedError:
    if not isinstance(value, Mapping):
        return UnplacedError("wrong-type", f"{name} must be a text or a map and is {kind_of(value)}", hint=_FORMS)
    given = [form for form in CONTENT_FORMS if form in value]
    strange = [key for key in value if key not in {*CONTENT_FORMS, "vars"}]
    if strange:
        hint = nearest(strange[0], (*CONTENT_FORMS, "vars"))
        return UnplacedError("unknown-field", f"there is no field {name}.{strange[0]}", hint=hint)
    if len(given) != 1:
        what = f"{' and '.join(given)} exclude each other" if given else "text, template or base64 is missing"
        return UnplacedError("invalid-content", f"{name}: {what}", hint=_FORMS)
    if "vars" in value:
        return UnplacedError("invalid-content", f"{name}: vars goes with template only", hint=_FORMS)
    return UnplacedError(
        "wrong-type", f"{name}.{given[0]} must be a text and is {kind_of(value[given[0]])}", hint=_FORMS
    )
