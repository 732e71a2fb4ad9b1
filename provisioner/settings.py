"""Reads the tool's own environment variables, once and in one place. Credentials and secrets are read elsewhere.

Only names that begin with PROVISIONER_ are read. Command-line options take precedence over these settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_VARIABLE = "PROVISIONER_VAR_"
_ENDPOINT = "PROVISIONER_ENDPOINT_"


@dataclass(frozen=True, slots=True)
class Settings:
    """The values of the PROVISIONER_* variables.

    `endpoints` is keyed by service (`modelarts`, `bss`, `iam`), `variables` by name without the prefix.
    """

    specs: Path | None = None
    environment: str | None = None
    state: str | None = field(default=None, repr=False)
    """A URL here may hold a password."""
    state_hosts: tuple[str, ...] = ()
    """The hosts of stores to which a repository may lead."""
    variables: Mapping[str, str] = field(default_factory=dict)
    endpoints: Mapping[str, str] = field(default_factory=dict)
    in_automation: bool = False
    input: bool = True
    log_level: str | None = None
    site: str | None = None
    """The vendor's site that the account belongs to."""
    instance_metadata: bool = False
    """Whether this machine is a cloud server whose metadata service may be asked for keys."""
    user: str = ""
    """A stable name for the user of temporary credentials."""
    token_cache: bool = True
    plan_key: str | None = field(default=None, repr=False)
    """The key with which plan files are signed, in place of the user's own."""


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings from `environ`. Empty values count as unset, as in other tools."""
    assigned = {name: value for name, value in environ.items() if name.startswith("PROVISIONER_") and value}
    return Settings(
        specs=Path(assigned["PROVISIONER_SPECS"]) if "PROVISIONER_SPECS" in assigned else None,
        environment=assigned.get("PROVISIONER_ENVIRONMENT"),
        state=assigned.get("PROVISIONER_STATE"),
        state_hosts=tuple(one for one in assigned.get("PROVISIONER_STATE_HOSTS", "").split(",") if one.strip()),
        variables=_with_prefix(environ, _VARIABLE),
        endpoints={name.lower(): value for name, value in _with_prefix(assigned, _ENDPOINT).items()},
        in_automation="PROVISIONER_IN_AUTOMATION" in assigned,
        input=not _is_off(assigned.get("PROVISIONER_INPUT", "1")),
        log_level=assigned.get("PROVISIONER_LOG"),
        site=assigned.get("PROVISIONER_SITE"),
        instance_metadata=not _is_off(assigned.get("PROVISIONER_INSTANCE_METADATA", "0")),
        user=assigned.get("PROVISIONER_USER", ""),
        plan_key=assigned.get("PROVISIONER_PLAN_KEY"),
        token_cache=not _is_off(assigned.get("PROVISIONER_TOKEN_CACHE", "1")),
    )


def _is_off(value: str) -> bool:
    return value.lower() in {"0", "false", "no"}


def _with_prefix(environ: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {name[len(prefix) :]: value for name, value in environ.items() if name.startswith(prefix)}
