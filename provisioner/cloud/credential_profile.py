"""Finds the credentials that a profile of the user's configuration names.

A profile replaces the vendor's variables of the environment: nothing that is exported for another account mixes with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from provisioner.cloud.credential_sources import find_credentials
from provisioner.cloud.credentials import FoundCredentials
from provisioner.model.diagnostic import UsageError, error
from provisioner.model.user_configuration import CredentialsProfile

_VENDOR_PREFIXES: Final = ("HW_", "OS_", "HUAWEICLOUD_")
_NO_HOME: Final = Path("/nonexistent")
"""The home of users who have none: the vendor's files of the user are left out."""


def find_profile_credentials(profile: CredentialsProfile, environ: Mapping[str, str], home: Path) -> FoundCredentials:
    """Return the credentials of the profile. Raises UsageError, with the place of the profile."""
    others = {name: value for name, value in environ.items() if not name.startswith(_VENDOR_PREFIXES)}
    named, folder = dict[str, str](), _NO_HOME
    if profile.hcloud is not None:
        # Without keys in that profile, the vendor's other file of the same home does not step in.
        named = {"HW_PROFILE": profile.hcloud, "HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(_NO_HOME)}
        folder = home
    elif profile.file is not None:
        named = {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(_expand_home(profile.file, home))}
    else:
        named = _read_variables(profile, environ)
    try:
        found = find_credentials({**others, **named}, folder)
    except UsageError as failure:
        raise UsageError(*(replace(one, source=profile.source) for one in failure.diagnostics)) from None
    return replace(found, source=f"profile {profile.name} of {profile.source}: {found.source}")


def _read_variables(profile: CredentialsProfile, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the variables that the profile names.

    Raises UsageError when one is not set. It omits the name, which may be a secret that was written there by mistake.
    """
    missing = [
        error(
            "credentials-missing",
            f"the variable from which profile {profile.name} takes {vendors} is not set",
            hint="set that variable, or choose other credentials for this environment",
            source=profile.variable_sources.get(vendors, profile.source),
        )
        for vendors, name in profile.variables.items()
        if not environ.get(name)
    ]
    if missing:
        raise UsageError(*missing)
    return {vendors: environ[name] for vendors, name in profile.variables.items()}


def _expand_home(path: str, home: Path) -> Path:
    return home / path.removeprefix("~/") if path.startswith("~/") else Path(path)
