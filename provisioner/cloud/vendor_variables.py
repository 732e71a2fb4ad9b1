"""Reads the vendor's environment variables, each under all the names that the vendor's own tools give it.

The names are those of docs/api/devserver-api.md section 6.4. settings.py reads this tool's own variables
(PROVISIONER_*).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from provisioner.cloud.private_file import is_sendable, refuse

VENDOR_DOMAINS: Final = ("myhuaweicloud.com", "myhuaweicloud.cn", "myhuaweicloud.eu")

_ALIASES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "HW_ACCESS_KEY": ("OS_ACCESS_KEY",),
        "HW_SECRET_KEY": ("OS_SECRET_KEY",),
        "HW_SECURITY_TOKEN": ("OS_SECURITY_TOKEN",),
        "HW_REGION_NAME": ("OS_REGION_NAME",),
        "HW_PROJECT_ID": ("OS_PROJECT_ID", "OS_TENANT_ID"),
        "HW_PROJECT_NAME": ("OS_PROJECT_NAME", "OS_TENANT_NAME"),
        "HW_DOMAIN_ID": ("OS_DOMAIN_ID", "OS_USER_DOMAIN_ID", "OS_PROJECT_DOMAIN_ID"),
        "HW_DOMAIN_NAME": ("OS_DOMAIN_NAME", "OS_USER_DOMAIN_NAME", "OS_PROJECT_DOMAIN_NAME"),
        "HW_USER_ID": ("OS_USER_ID",),
        "HW_USER_NAME": ("OS_USERNAME",),
        "HW_USER_PASSWORD": ("OS_PASSWORD",),
        "HW_AUTH_TOKEN": ("OS_AUTH_TOKEN",),
        "HW_AUTH_URL": ("OS_AUTH_URL",),
        "HW_INSECURE": ("OS_INSECURE",),
        "HW_ENTERPRISE_PROJECT_ID": ("OS_ENTERPRISE_PROJECT_ID",),
    }
)


IGNORED_VARIABLES: Final = (
    "HW_ENTERPRISE_PROJECT_ID",
    "HW_ENABLE_FORCE_NEW",
    "HW_FLAVOR_ID",
    "HW_FLAVOR_NAME",
    "HW_IMAGE_ID",
    "HW_IMAGE_NAME",
    "HW_MAX_RETRIES",
    "HW_SCHEMA",
    "HW_SIGNING_ALGORITHM",
    "HW_TF_CUSTOM_UA",
    "OS_CACERT",
    "OS_CERT",
    "OS_KEY",
    "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "HC_CONTAINER_CREDENTIALS_FULL_URI",
)
"""Variables that the vendor's Terraform provider and SDKs read and this tool ignores.

It ignores those with the SDKs' prefixes too, except the ones in `_SUPPORTED_SDK_VARIABLES`.
"""
_AGENCY_VARIABLES: Final = frozenset(
    f"HW_ASSUME_ROLE_{name}"
    for name in ("AGENCY_NAME", "DOMAIN_NAME", "DOMAIN_ID", "DURATION", "IDP_ID", "ID_TOKEN", "ID_TOKEN_FILE")
)
"""The provider's variables for an agency. The older ones are OS_AGENCY_NAME, OS_AGENCY_DOMAIN_NAME and
OS_DELEGATED_PROJECT.
"""

_SDK_VARIABLE: Final = re.compile(r"HUAWEICLOUD_(SDK|OIDC)_(?!REGION_)[A-Z0-9_]{1,64}")
_SUPPORTED_SDK_VARIABLES: Final = frozenset(
    f"HUAWEICLOUD_SDK_{name}"
    for name in (
        *("AK", "SK", "SECURITY_TOKEN", "PROJECT_ID", "DOMAIN_ID", "CREDENTIALS_FILE", "IAM_ENDPOINT"),
        *("IDP_ID", "ID_TOKEN_FILE"),
    )
)


class VendorVariables:
    """The vendor's variables in `environ`. Empty values count as unset, as in other tools."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._aliases: Mapping[str, tuple[str, ...]] = {} if _is_another_cloud(environ.get("OS_AUTH_URL")) else _ALIASES

    def name_in_use(self, name: str) -> str | None:
        """Return the name under which the variable is set: its own or an alias. None when it is not set."""
        if name.startswith("OS_") and not self._aliases:
            return None
        return next((alias for alias in (name, *self._aliases.get(name, ())) if self._environ.get(alias)), None)

    def get(self, name: str) -> str | None:
        given = self.name_in_use(name)
        return self._environ[given] if given else None

    def sendable(self, name: str) -> str | None:
        """Return a value that is sent in a header.

        Raises UsageError for one that would break the request, such as one with a line break.
        """
        value = self.get(name)
        if not is_sendable(value):
            refuse(
                f"{self.name_in_use(name)} contains a space, a line break or another character that cannot be part of it",
                f"set {self.name_in_use(name)} again",
            )
        return value

    def are_set(self, *names: str) -> bool:
        """Whether all variables are set. Raises UsageError when some are and others are not."""
        missing = [name for name in names if not self.get(name)]
        if missing and len(missing) < len(names):
            given = next(found for name in names if (found := self.name_in_use(name)))
            lacking = " and ".join(missing)
            are = "is" if len(missing) == 1 else "are"
            refuse(f"{given} is set and {lacking} {are} not", f"set {lacking}, or unset {given}")
        return not missing

    def ignored(self) -> tuple[str, ...]:
        """Return the variables of the vendor's tools that are set and ignored here, each by the name under which it is
        set.
        """
        listed = (given for name in IGNORED_VARIABLES if (given := self.name_in_use(name)) is not None)
        of_sdks = (name for name, value in self._environ.items() if value and _SDK_VARIABLE.fullmatch(name))
        return (*listed, *sorted(set(of_sdks) - _SUPPORTED_SDK_VARIABLES))

    def unknown_agency_variables(self) -> tuple[str, ...]:
        """Return the set variables about an agency that this tool does not know."""
        assumed = {name for name, value in self._environ.items() if name.startswith("HW_ASSUME_ROLE") and value}
        return tuple(sorted(assumed - _AGENCY_VARIABLES))


def _is_another_cloud(auth_url: str | None) -> bool:
    """Whether the OS_* variables are for another OpenStack cloud, whose password must not be sent to this one."""
    if not auth_url:
        return False
    try:
        host = urlsplit(auth_url).hostname or ""
    except ValueError:
        return True
    return not host.endswith(tuple(f".{domain}" for domain in VENDOR_DOMAINS))
