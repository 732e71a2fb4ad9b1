"""Reads the credentials file of the vendor's SDKs, `~/.huaweicloud/credentials`: an INI file with up to two sections.

`[basic]` is for regional services and `[global]` for account-wide ones (docs/api/devserver-api.md section 6.4). This
tool uses one key for all services, so a file with two different keys is refused.
"""

from __future__ import annotations

from configparser import ConfigParser, Error
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provisioner.cloud.private_file import is_sendable, read_private, refuse
from provisioner.model.secret import Secret

_EXPECTED: Final = "write ak and sk below [basic], or remove the file"


@dataclass(frozen=True, slots=True)
class SdkProfile:
    access_key: str
    secret_key: Secret
    security_token: Secret | None
    project_id: str | None
    domain_id: str | None


def read_sdk_profile(path: Path) -> SdkProfile | None:
    """Return the profile, or None when there is no file or no section of it holds keys. Raises UsageError."""
    content = read_private(path)
    if content is None:
        return None
    sections = _parse(content, path)
    basic, account_wide = sections.get("basic", {}), sections.get("global", {})
    chosen = basic if basic.get("ak") or basic.get("sk") else account_wide
    if not chosen.get("ak") and not chosen.get("sk"):
        return None
    if basic.get("ak") and account_wide.get("ak") and basic["ak"] != account_wide["ak"]:
        refuse(f"[basic] and [global] of {path} hold different keys, and one run acts as one user", _EXPECTED)
    if missing := next((name for name in ("ak", "sk") if not chosen.get(name)), None):
        refuse(f"{path} lacks {missing}", _EXPECTED)
    if not all(map(is_sendable, (*basic.values(), *account_wide.values()))):
        refuse(f"{path} has a key or an id with a space or a line break in it", _EXPECTED)
    token = chosen.get("security_token")
    return SdkProfile(
        chosen["ak"],
        Secret(chosen["sk"]),
        Secret(token) if token else None,
        project_id=basic.get("project_id") or None,
        domain_id=account_wide.get("domain_id") or basic.get("domain_id") or None,
    )


def _parse(content: bytes, path: Path) -> dict[str, dict[str, str]]:
    """Parse the file into its sections.

    The refusal of an invalid file omits the parser's message, which would quote the line with the key.
    """
    parser = ConfigParser(interpolation=None, strict=True)
    try:
        parser.read_string(content.decode())
    except (Error, ValueError):
        refuse(f"{path} is no credentials file of the vendor's SDKs", _EXPECTED)
    return {name: dict(parser[name]) for name in parser.sections()}
