"""Reads the profile file of the vendor's command line and Terraform provider, `~/.hcloud/config.json`.

docs/api/devserver-api.md section 6.4 describes its format. This module knows no environment variables and no other
files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provisioner.cloud.credentials import Agency
from provisioner.cloud.private_file import is_sendable, read_private, refuse
from provisioner.model.canonical import JsonObject, JsonValue, parse_json
from provisioner.model.secret import Secret

_CONFIGURE: Final = "run `hcloud configure set` again"


@dataclass(frozen=True, slots=True)
class Profile:
    name: str
    access_key: str
    secret_key: Secret
    security_token: Secret | None
    region: str | None
    project_id: str | None
    domain_id: str | None
    agency: Agency | None


def read_profile(path: Path, name: str | None) -> Profile | None:
    """Return the profile `name`, or the current one.

    None when there is no file, or when the profile holds no keys. Raises UsageError.
    """
    content = read_private(path)
    if content is None:
        if name is not None:
            refuse(f"HW_PROFILE is {name!r} and there is no {path}", "unset HW_PROFILE, or run `hcloud configure set`")
        return None
    config = _parse(content, path)
    wanted = name or _text(config, "current")
    profile = next((entry for entry in _objects(config.get("profiles")) if entry.get("name") == wanted), None)
    if profile is None:
        if wanted is None:
            return None
        refuse(f"{path} has no profile {wanted!r}", "set HW_PROFILE to one that it has, or run `hcloud configure set`")
    return _profile(profile, path)


def _profile(entry: JsonObject, path: Path) -> Profile | None:
    """Read the keys of a profile. A profile of mode SSO keeps its temporary keys in a nested object."""
    keys: JsonObject = entry
    if _text(entry, "mode") == "SSO":
        keys = _object(_object(entry.get("ssoAuth")).get("stsToken"))
    access_key, secret_key = _text(keys, "accessKeyId"), _text(keys, "secretAccessKey")
    if access_key is None and secret_key is None:
        return None
    name = _text(entry, "name") or ""
    if access_key is None or secret_key is None:
        missing = "accessKeyId" if access_key is None else "secretAccessKey"
        refuse(f"profile {name!r} of {path} lacks {missing}", _CONFIGURE)
    token = _text(keys, "securityToken")
    region, project_id, domain_id = (_text(entry, field) for field in ("region", "projectId", "domainId"))
    if not all(map(is_sendable, (access_key, secret_key, token, region, project_id, domain_id))):
        refuse(f"profile {name!r} of {path} has a key or an id with a space or a line break in it", _CONFIGURE)
    return Profile(
        name,
        access_key,
        Secret(secret_key),
        Secret(token) if token else None,
        region,
        project_id,
        domain_id,
        _agency(entry, f"profile {name!r} of {path}"),
    )


def _agency(entry: JsonObject, place: str) -> Agency | None:
    """Read the agency that the profile acts through. hcloud leaves its fields empty for none."""
    name, domain_id, domain_name = (
        _text(entry, field) for field in ("agencyName", "agencyDomainId", "agencyDomainName")
    )
    if name is None and domain_id is None and domain_name is None:
        return None
    if name is None or (domain_id is None and domain_name is None):
        missing = "agencyName" if name is None else "agencyDomainName"
        refuse(f"{place} has half an agency: it lacks {missing}", _CONFIGURE)
    if not is_sendable(domain_id) or not all(text.isprintable() for text in (name, domain_name or "")):
        refuse(f"{place} has an agency with characters that no name has", _CONFIGURE)
    return Agency(name, domain_id, domain_name)


def _parse(content: bytes, path: Path) -> JsonObject:
    try:
        config = parse_json(content)
    except ValueError:
        config = None
    if not isinstance(config, Mapping):
        refuse(f"{path} is no JSON object of hcloud's", "run `hcloud configure set`, or remove the file")
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
