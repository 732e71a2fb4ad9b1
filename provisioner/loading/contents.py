"""Converts content fields: a text, a template, a file or Base64 in the specs becomes the Base64 that is sent.

Each file is read once, and only from inside the stack. This module doesn't know what a field is for.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from provisioner.loading.document import display_path
from provisioner.loading.files import TEMPLATE_LIMIT, read_text, resolve_relative
from provisioner.loading.lookalike_syntax import find_merge_marker, merge_error
from provisioner.loading.merging import CONTENT_FORMS
from provisioner.loading.template_engine import Engine, Scope
from provisioner.loading.unplaced_error import UnplacedError, suggest
from provisioner.loading.validation import type_name
from provisioner.model.secret_names import named_secrets

_FORMS = "write a text, {text: ...}, {template: path, vars: {...}}, {file: path} or {base64: ...}"


class ContentEncoder:
    """Encodes content fields of a stack. `directory` is the stack's; template and file paths are relative to it.

    `sensitive_values` receives those that `vars` gives to names of secrets.
    """

    def __init__(self, directory: Path, engine: Engine, sensitive_values: set[str]) -> None:
        self._directory = directory
        self._engine = engine
        self._sensitive_values = sensitive_values
        self._sources: dict[str, str | UnplacedError] = {}

    def encode(self, name: str, value: Any, scope: Scope) -> str:
        """Returns the Base64 of a content field. `name` is the field's dotted path, for messages.

        Raises UnplacedError for a value that is invalid, and AlreadyReported when a template needs a value that is invalid and was
        reported elsewhere.
        """
        match value:
            case str():
                return _to_base64(value)
            case {"text": str(text), **rest} if not rest:
                return _to_base64(text)
            case {"base64": str(text), **rest} if not rest:
                return _normalize_base64(name, text)
            case {"file": str(path), **rest} if not rest:
                return _to_base64(self._read_file(name, path))
            case {"template": str(path), **rest} if rest.keys() <= {"vars"}:
                return _to_base64(self._render_file(name, path, rest.get("vars", {}), scope))
            case _:
                raise _form_error(name, value)

    def _read_file(self, name: str, path: str) -> str:
        """Returns the text of a file that is sent as it is, without templates."""
        try:
            return self._source(path)
        except UnplacedError as mistake:
            raise _in_file(mistake, f"{name}, file {path}") from None

    def _render_file(self, name: str, path: str, given: Any, scope: Scope) -> str:
        if not isinstance(given, dict):
            raise UnplacedError(
                "wrong-type", f"{name}.vars must be a map and is {type_name(given)}", hint="write vars: {role: trainer}"
            )
        for taken in given.keys() & {*scope, "vars", "range", "loop"}:
            raise UnplacedError(
                "invalid-content", f"{name}.vars may not name {taken}: it has a meaning of its own", hint="rename it"
            )
        self._sensitive_values.update(named_secrets(given))
        try:
            source = self._source(path)
        except UnplacedError as mistake:
            raise _in_file(mistake, f"{name}, template {path}") from None
        try:
            return self._engine.render_file(source, {**scope, **given, "vars": given})
        except UnplacedError as mistake:
            place = f"at {display_path(self._directory / path)}:{mistake.line}"
            mistake.detail = f"{place}: {mistake.detail}" if mistake.detail else place
            raise _in_file(mistake, f"{name}, template {path}", about=f"template {path}:{mistake.line}") from None

    def _source(self, path: str) -> str:
        if path not in self._sources:
            try:
                text = read_text(resolve_relative(self._directory, path), limit=TEMPLATE_LIMIT)
                self._sources[path] = _merged(text)
            except UnplacedError as mistake:
                self._sources[path] = self._with_nearby_path(mistake, path)
        source = self._sources[path]
        if isinstance(source, UnplacedError):
            raise source
        return source

    def _with_nearby_path(self, mistake: UnplacedError, path: str) -> UnplacedError:
        """Completes the error of a path that does not exist with the rule for paths, and with the one that was meant."""
        if mistake.code == "unreadable-file" and "does not exist" in mistake.summary:
            meant = f"templates/{Path(path).name}"
            exists = (self._directory / meant).is_file()
            rule = f"paths begin at the directory of stack.yaml, {display_path(self._directory)}"
            mistake.hint = f"did you mean {meant}? {rule}" if exists else f"check the path; {rule}"
        return mistake


def _merged(source: str) -> str:
    """Returns the text of a file. Raises UnplacedError `merge-conflict` for one that holds two versions."""
    if (marker := find_merge_marker(source)) is None:
        return source
    mistake = merge_error()
    line = source.count("\n", 0, marker.start()) + 1
    raise UnplacedError(mistake.code, f"{mistake.summary} (line {line})", hint=mistake.hint)


def _in_file(mistake: UnplacedError, what: str, *, about: str = "") -> UnplacedError:
    """Returns an error as one about a file: all fields that name the file have the same mistake."""
    about = about or f"{what} {mistake.code}"
    return UnplacedError(
        mistake.code, f"{what}: {mistake.summary}", hint=mistake.hint, detail=mistake.detail, about=about
    )


def _to_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _normalize_base64(name: str, text: str) -> str:
    try:
        return base64.b64encode(base64.b64decode("".join(text.split()), validate=True)).decode()
    except (binascii.Error, ValueError):
        raise UnplacedError(
            "invalid-content", f"{name}.base64 is not Base64", hint="encode it by base64 -w0 FILE"
        ) from None


def _form_error(name: str, value: Any) -> UnplacedError:
    if not isinstance(value, Mapping):
        return UnplacedError("wrong-type", f"{name} must be a text or a map and is {type_name(value)}", hint=_FORMS)
    given = [form for form in CONTENT_FORMS if form in value]
    unknown = [key for key in value if key not in {*CONTENT_FORMS, "vars"}]
    if unknown:
        hint = suggest(unknown[0], (*CONTENT_FORMS, "vars"))
        return UnplacedError("unknown-field", f"there is no field {name}.{unknown[0]}", hint=hint)
    if len(given) != 1:
        if not given:
            return UnplacedError("invalid-content", f"{name}: text, template, file or base64 is missing", hint=_FORMS)
        summary = f"{name}: {' and '.join(given)} exclude each other"
        return UnplacedError("invalid-content", summary, hint=_FORMS, keys=tuple(given[:2]))
    if "vars" in value:
        summary = f"{name}: vars goes with template only, not with {given[0]}"
        return UnplacedError("invalid-content", summary, hint=_FORMS, keys=(given[0], "vars"))
    return UnplacedError(
        "wrong-type", f"{name}.{given[0]} must be a text and is {type_name(value[given[0]])}", hint=_FORMS
    )
