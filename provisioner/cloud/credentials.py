"""Who we are to the cloud: found where the vendor's own tools look, in a fixed order, never in a spec or on a command line.

The names are those of docs/api/devserver-api.md section 6.4. Reads an environment that is handed to it and one file below the
home folder; asks no server whether what it found is any good.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn, TypeAlias

from provisioner.cloud.hcloud_profile import Profile, read_profile
from provisioner.model.diagnostic import UsageError, error
from provisioner.model.secret import Secret


@dataclass(frozen=True, slots=True)
class AccessKey:
    """`security_token` accompanies a temporary key."""

    access_key: str
    secret_key: Secret
    security_token: Secret | None = None


@dataclass(frozen=True, slots=True)
class Password:
    """An IAM user of the account `domain_name`; exchanged for tokens."""

    user_name: str
    password: Secret
    domain_name: str


Credentials: TypeAlias = AccessKey | Password


@dataclass(frozen=True, slots=True)
class Found:
    """`source` says where, for messages. What is None was not said and is to be asked of the cloud."""

    credentials: Credentials
    source: str
    region: str | None = None
    project_id: str | None = None
    project_name: str | None = None
    domain_id: str | None = None


_WAYS: Final = (
    "set HW_ACCESS_KEY and HW_SECRET_KEY; or HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK; or configure hcloud"
    " (~/.hcloud/config.json); or set HW_USER_NAME, HW_USER_PASSWORD and HW_DOMAIN_NAME"
)


def find_credentials(environ: Mapping[str, str], home: Path) -> Found:
    """The first complete set. Raises UsageError: a set that is begun and not finished, or none at all."""
    found = (
        _from_provider_variables(environ)
        or _from_sdk_variables(environ)
        or _from_profile(environ, home)
        or _from_password_variables(environ)
    )
    if found is None:
        raise UsageError(error("credentials-missing", "there are no credentials for the cloud", hint=_WAYS))
    return found


def _from_provider_variables(environ: Mapping[str, str]) -> Found | None:
    if not _all_or_none(environ, "HW_ACCESS_KEY", "HW_SECRET_KEY"):
        return None
    key = _access_key(environ, "HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN")
    return _scoped(key, "HW_ACCESS_KEY", environ)


def _from_sdk_variables(environ: Mapping[str, str]) -> Found | None:
    access_key, secret_key = "HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"
    if not _all_or_none(environ, access_key, secret_key):
        return None
    return Found(
        _access_key(environ, access_key, secret_key, "HUAWEICLOUD_SDK_SECURITY_TOKEN"),
        source=access_key,
        region=_clean(environ, "HW_REGION_NAME"),
        project_id=_clean(environ, "HUAWEICLOUD_SDK_PROJECT_ID") or _clean(environ, "HW_PROJECT_ID"),
        project_name=_clean(environ, "HW_PROJECT_NAME"),
        domain_id=_clean(environ, "HUAWEICLOUD_SDK_DOMAIN_ID") or _clean(environ, "HW_DOMAIN_ID"),
    )


def _from_profile(environ: Mapping[str, str], home: Path) -> Found | None:
    path = Path(environ.get("HW_SHARED_CONFIG_FILE") or home / ".hcloud" / "config.json")
    profile = read_profile(path, environ.get("HW_PROFILE") or None)
    if profile is None:
        return None
    key = AccessKey(profile.access_key, profile.secret_key, profile.security_token)
    return _scoped(key, f"profile {profile.name} of {path}", environ, profile)


def _from_password_variables(environ: Mapping[str, str]) -> Found | None:
    names = ("HW_USER_NAME", "HW_USER_PASSWORD")
    if not any(environ.get(name) for name in names):
        return None
    _all_or_none(environ, *names, "HW_DOMAIN_NAME")
    user_name, password, domain_name = (environ[name] for name in (*names, "HW_DOMAIN_NAME"))
    return _scoped(Password(user_name, Secret(password), domain_name), "HW_USER_NAME", environ)


def _scoped(credentials: Credentials, source: str, environ: Mapping[str, str], profile: Profile | None = None) -> Found:
    """The environment's word on region, project and account goes before the profile's."""
    return Found(
        credentials,
        source=source,
        region=_clean(environ, "HW_REGION_NAME") or (profile.region if profile else None),
        project_id=_clean(environ, "HW_PROJECT_ID") or (profile.project_id if profile else None),
        project_name=_clean(environ, "HW_PROJECT_NAME"),
        domain_id=_clean(environ, "HW_DOMAIN_ID") or (profile.domain_id if profile else None),
    )


def _all_or_none(environ: Mapping[str, str], *names: str) -> bool:
    missing = [name for name in names if not environ.get(name)]
    if missing and len(missing) < len(names):
        given = next(name for name in names if name not in missing)
        lacking = " and ".join(missing)
        are = "is" if len(missing) == 1 else "are"
        _incomplete(f"{given} is set and {lacking} {are} not", f"set {lacking}, or unset {given}")
    return not missing


def _access_key(environ: Mapping[str, str], access_key: str, secret_key: str, security_token: str) -> AccessKey:
    token = _clean(environ, security_token)
    return AccessKey(
        _clean(environ, access_key) or "",
        Secret(_clean(environ, secret_key) or ""),
        Secret(token) if token else None,
    )


def _clean(environ: Mapping[str, str], name: str) -> str | None:
    """For values that travel in headers, where a line break from a careless copy would break the request."""
    value = environ.get(name)
    if not value:
        return None
    if not all("!" <= character <= "~" for character in value):
        _incomplete(
            f"{name} contains a space, a line break or another character that cannot be part of it", f"set {name} again"
        )
    return value


def _incomplete(summary: str, hint: str) -> NoReturn:
    raise UsageError(error("credentials-invalid", summary, hint=hint))
