"""The tool's own environment variables, read once and in one place. Credentials and secrets are read elsewhere.

Only names that begin with PROVISIONER_ are looked at; what a command line says comes before what is found here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_VARIABLE = "PROVISIONER_VAR_"
_ENDPOINT = "PROVISIONER_ENDPOINT_"


@dataclass(frozen=True, slots=True)
class Settings:
    """`endpoints` is by service (`modelarts`, `bss`, `iam`), `variables` by name without the prefix."""

    specs: Path = Path("specs")
    environment: str | None = None
    state: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    endpoints: Mapping[str, str] = field(default_factory=dict)
    in_automation: bool = False
    input: bool = True
    log_level: str | None = None
    site: str | None = None
    """Which of the vendor's sites the account is of."""
    instance_metadata: bool = False
    """This machine is a cloud server and may be asked for keys."""
    user: str = ""
    """Whose the temporary credentials are, by a name that stays the same."""
    token_cache: bool = True


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Empty values count as unset, as elsewhere in the field."""
    given = {name: value for name, value in environ.items() if name.startswith("PROVISIONER_") and value}
    return Settings(
        specs=Path(given.get("PROVISIONER_SPECS", "specs")),
        environment=given.get("PROVISIONER_ENVIRONMENT"),
        state=given.get("PROVISIONER_STATE"),
        variables=_with_prefix(environ, _VARIABLE),
        endpoints={name.lower(): value for name, value in _with_prefix(given, _ENDPOINT).items()},
        in_automation="PROVISIONER_IN_AUTOMATION" in given,
        input=not _is_off(given.get("PROVISIONER_INPUT", "1")),
        log_level=given.get("PROVISIONER_LOG"),
        site=given.get("PROVISIONER_SITE"),
        instance_metadata=not _is_off(given.get("PROVISIONER_INSTANCE_METADATA", "0")),
        user=given.get("PROVISIONER_USER", ""),
        token_cache=not _is_off(given.get("PROVISIONER_TOKEN_CACHE", "1")),
    )


def _is_off(value: str) -> bool:
    return value.lower() in {"0", "false", "no"}


def _with_prefix(environ: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {name[len(prefix) :]: value for name, value in environ.items() if name.startswith(prefix)}
