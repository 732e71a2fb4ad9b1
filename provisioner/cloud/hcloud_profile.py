"""The profile file of the vendor's command line and Terraform provider, `~/.hcloud/config.json`.

The one file that this room reads. Its shape is docs/api/devserver-api.md section 6.4; it holds keys, so it is refused when
other users can read it. Never writes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from provisioner.model.canonical import JsonObject, JsonValue, parse_json
from provisioner.model.diagnostic import UsageError, error
from provisioner.model.secret import Secret

_CONFIGURE: Final = "run `hcloud configure set` again"
_MAX_SIZE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Profile:
    name: str
    access_key: str
    secret_key: Secret
    security_token: Secret | None
    region: str | None
    project_id: str | None
    domain_id: str | None


def read_profile(path: Path, name: str | None) -> Profile | None:
    """The profile `name`, or the current one. None when there is no file, or the current profile holds no keys."""
    content = _read(path)
    if content is None:
        if name is not None:
            _refuse(f"HW_PROFILE is {name!r} and there is no {path}", "unset HW_PROFILE, or run `hcloud configure set`")
        return None
    config = _parse(content, path)
    wanted = name or _text(config, "current")
    profile = next((entry for entry in _objects(config.get("profiles")) if entry.get("name") == wanted), None)
    if profile is None:
        if wanted is None:
            return None
        _refuse(f"{path} has no profile {wanted!r}", "set HW_PROFILE to one that it has, or run `hcloud configure set`")
    return _profile(profile, path)


def _profile(entry: JsonObject, path: Path) -> Profile | None:
    """Mode SSO keeps its temporary keys apart."""
    keys: JsonObject = entry
    if _text(entry, "mode") == "SSO":
        keys = _object(_object(entry.get("ssoAuth")).get("stsToken"))
    access_key, secret_key = _text(keys, "accessKeyId"), _text(keys, "secretAccessKey")
    if access_key is None and secret_key is None:
        return None
    name = _text(entry, "name") or ""
    if access_key is None or secret_key is None:
        missing = "accessKeyId" if access_key is None else "secretAccessKey"
        _refuse(f"profile {name!r} of {path} lacks {missing}", _CONFIGURE)
    token = _text(keys, "securityToken")
    region, project_id, domain_id = (_text(entry, field) for field in ("region", "projectId", "domainId"))
    if not all(map(_is_sendable, (access_key, secret_key, token, region, project_id, domain_id))):
        _refuse(f"profile {name!r} of {path} has a key or an id with a space or a line break in it", _CONFIGURE)
    return Profile(
        name, access_key, Secret(secret_key), Secret(token) if token else None, region, project_id, domain_id
    )


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                _refuse(
                    f"{path} holds access keys and other users can read it",
                    f"run: chmod 600 {path}",
                    "credentials-exposed",
                )
            return file.read(_MAX_SIZE + 1)
    except FileNotFoundError:
        return None
    except OSError as problem:
        _refuse(f"{path} cannot be read: {problem.strerror}", "make it a file that you can read, or remove it")


def _parse(content: bytes, path: Path) -> JsonObject:
    try:
        config = parse_json(content) if len(content) <= _MAX_SIZE else None
    except ValueError:
        config = None
    if not isinstance(config, Mapping):
        _refuse(f"{path} is no JSON object of hcloud's", "run `hcloud configure set`, or remove the file")
    return config


def _objects(value: JsonValue) -> list[JsonObject]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    return [entry for entry in value if isinstance(entry, Mapping)]


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, Mapping) else {}


def _text(entry: JsonObject, name: str) -> str | None:
    value = entry.get(name)
    return value if isinstance(value, str) and value else None


def _is_sendable(value: str | None) -> bool:
    """These values travel in headers, where a space or a line break would break the request."""
    return value is None or all("!" <= character <= "~" for character in value)


def _refuse(summary: str, hint: str, code: str = "credentials-invalid") -> NoReturn:
    raise UsageError(error(code, summary, hint=hint))
