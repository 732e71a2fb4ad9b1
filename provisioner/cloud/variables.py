"""The vendor's environment variables, each under all the names that its own tools give it.

The names are those of docs/api/devserver-api.md section 6.4. The tool's own variables (PROVISIONER_*) are settings.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from provisioner.cloud.private_file import is_sendable, refuse

VENDOR_DOMAINS: Final = ("myhuaweicloud.com", "myhuaweicloud.cn", "myhuaweicloud.eu")

_TWINS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
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


class Variables:
    """Empty values count as unset, as elsewhere in the field."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._twins: Mapping[str, tuple[str, ...]] = {} if _is_another_cloud(environ.get("OS_AUTH_URL")) else _TWINS

    def given(self, name: str) -> str | None:
        """The name under which the variable is set: its own, or a twin's."""
        return next((twin for twin in (name, *self._twins.get(name, ())) if self._environ.get(twin)), None)

    def get(self, name: str) -> str | None:
        given = self.given(name)
        return self._environ[given] if given else None

    def sendable(self, name: str) -> str | None:
        """For what travels in headers, where a line break from a careless copy would break the request."""
        value = self.get(name)
        if not is_sendable(value):
            refuse(
                f"{self.given(name)} contains a space, a line break or another character that cannot be part of it",
                f"set {self.given(name)} again",
            )
        return value

    def are_given(self, *names: str) -> bool:
        """All of them; False when none is. Raises UsageError in between."""
        missing = [name for name in names if not self.get(name)]
        if missing and len(missing) < len(names):
            given = next(found for name in names if (found := self.given(name)))
            lacking = " and ".join(missing)
            are = "is" if len(missing) == 1 else "are"
            refuse(f"{given} is set and {lacking} {are} not", f"set {lacking}, or unset {given}")
        return not missing

    def with_prefix(self, prefix: str) -> str | None:
        """A variable that begins so and is set."""
        return next((name for name, value in self._environ.items() if name.startswith(prefix) and value), None)


def _is_another_cloud(auth_url: str | None) -> bool:
    """OS_* are OpenStack's own names: a password for another cloud must not be sent to this one."""
    if not auth_url:
        return False
    try:
        host = urlsplit(auth_url).hostname or ""
    except ValueError:
        return True
    return not host.endswith(tuple(f".{domain}" for domain in VENDOR_DOMAINS))
