"""Reads the credentials file of the vendor's SDKs, `~/.huaweicloud/credentials`: an INI file with up to two sections.

`[basic]` is for regional services and `[global]` for account-wide ones (docs/api/devserver-api.md section 6.4). This
tool uses one key for all services, so a file with two different keys is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from configparser import ConfigParser, Error
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provisioner.cloud.credentials import AccessKey, IdToken
from provisioner.cloud.private_file import is_sendable, read_private, refuse
from provisioner.model.secret import Secret

_PROVIDER: Final = "idp_id"
_FILE: Final = "id_token_file"
_EXPECTED: Final = "write ak and sk below [basic], or remove the file"


@dataclass(frozen=True, slots=True)
class SdkProfile:
    credentials: AccessKey | IdToken
    project_id: str | None
    domain_id: str | None


def read_sdk_profile(path: Path) -> SdkProfile | None:
    """Return the profile, or None when there is no file or no section of it holds keys. Raises UsageError."""
    content = read_private(path)
    if content is None:
        return None
    sections = _parse(content, path)
    basic, account_wide = sections.get("basic", {}), sections.get("global", {})
    if not all(
        is_sendable(value) for values in (basic, account_wide) for name, value in values.items() if name != _FILE
    ):
        refuse(f"{path} has a key or an id with a space or a line break in it", _EXPECTED)
    credentials = _id_token(basic, account_wide, path) or _access_key(basic, account_wide, path)
    if credentials is None:
        return None
    return SdkProfile(
        credentials,
        project_id=basic.get("project_id") or None,
        domain_id=account_wide.get("domain_id") or basic.get("domain_id") or None,
    )


def _id_token(basic: Mapping[str, str], account_wide: Mapping[str, str], path: Path) -> IdToken | None:
    """Read the ID token. As in the vendor's SDKs it takes precedence over keys."""
    given = {(each.get(_PROVIDER, ""), each.get(_FILE, "")) for each in (basic, account_wide)} - {("", "")}
    if not given:
        return None
    if len(given) > 1:
        refuse(f"[basic] and [global] of {path} hold different ID tokens, and one run acts as one user", _EXPECTED)
    ((provider, file),) = given
    if not provider or not file:
        refuse(f"{path} lacks {_FILE if provider else _PROVIDER}", f"write {_PROVIDER} and {_FILE}, or neither")
    return IdToken(provider, path=Path(file))


def _access_key(basic: Mapping[str, str], account_wide: Mapping[str, str], path: Path) -> AccessKey | None:
    chosen = basic if basic.get("ak") or basic.get("sk") else account_wide
    if not chosen.get("ak") and not chosen.get("sk"):
        return None
    if basic.get("ak") and account_wide.get("ak") and basic["ak"] != account_wide["ak"]:
        refuse(f"[basic] and [global] of {path} hold different keys, and one run acts as one user", _EXPECTED)
    if missing := next((name for name in ("ak", "sk") if not chosen.get(name)), None):
        refuse(f"{path} lacks {missing}", _EXPECTED)
    token = chosen.get("security_token")
    return AccessKey(chosen["ak"], Secret(chosen["sk"]), Secret(token) if token else None)


def _parse(content: bytes, path: Path) -> dict[str, dict[str, str]]:
    """Parse the file into its sections.

    The refusal of an invalid file omits the parser's message, which would quote the line with the key.
    """
    parser = ConfigParser(interpolation=None, strict=True)
    try:
        parser.read_string(content.decode())
    except (Error, ValueError):
        refuse(f"{path} is not a credentials file of the vendor's SDKs", _EXPECTED)
    return {name: dict(parser[name]) for name in parser.sections()}
