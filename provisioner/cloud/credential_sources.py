"""Finds the credentials for the cloud where the vendor's own tools look, in a fixed order, never in a spec or on a
command line.

The names are those of docs/api/devserver-api.md section 6.4. This module reads the environment that it is given and
files in the home folder. It does not ask a server whether the credentials are valid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from provisioner.cloud.agency_settings import assume, key_life, refuse_unsupported
from provisioner.cloud.credentials import (
    KEY_LIFE_SECONDS,
    AccessKey,
    FoundCredentials,
    IdToken,
    InstanceAgency,
    IssuedToken,
    Password,
)
from provisioner.cloud.hcloud_profile import read_profile
from provisioner.cloud.id_token import read_id_token
from provisioner.cloud.private_file import refuse
from provisioner.cloud.sdk_profile import read_sdk_profile
from provisioner.cloud.vendor_variables import VendorVariables
from provisioner.model.diagnostic import Diagnostic, UsageError, error, warning
from provisioner.model.secret import Secret

_MISSING_HINT: Final = (
    "set HW_ACCESS_KEY and HW_SECRET_KEY; or HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK; or HW_AUTH_TOKEN; or configure"
    " hcloud (~/.hcloud/config.json) or the SDK (~/.huaweicloud/credentials); or set HW_USER_NAME, HW_USER_PASSWORD and"
    " HW_DOMAIN_NAME; or, on a cloud server with an agency, PROVISIONER_INSTANCE_METADATA=1"
)


def find_credentials(environ: Mapping[str, str], home: Path, *, instance_metadata: bool = False) -> FoundCredentials:
    """Return the first complete set of credentials. Raises UsageError when a set is incomplete, and when there is none.

    `instance_metadata` permits the metadata service as the last source. It is off by default, because outside the cloud
    anybody could answer at its address.
    """
    variables = VendorVariables(environ)
    refuse_unsupported(variables)
    found = (
        _from_provider_id_token(variables)
        or _from_provider_variables(variables)
        or _from_sdk_id_token(variables)
        or _from_sdk_variables(variables)
        or _from_token_variable(variables)
        or _from_hcloud_profile(variables, home)
        or _from_sdk_profile(variables, home)
        or _from_password_variables(variables)
        or (FoundCredentials(InstanceAgency(), "the instance's metadata") if instance_metadata else None)
    )
    if found is None:
        missing = error("credentials-missing", "no credentials for the cloud were found", hint=_MISSING_HINT)
        raise UsageError(missing, *_ignored(variables))
    completed = replace(
        found,
        region=variables.sendable("HW_REGION_NAME") or found.region,
        project_id=found.project_id or variables.sendable("HW_PROJECT_ID"),
        project_name=variables.sendable("HW_PROJECT_NAME"),
        domain_id=found.domain_id or variables.sendable("HW_DOMAIN_ID"),
        warnings=_warnings(variables),
    )
    return assume(completed, variables)


def _from_provider_id_token(variables: VendorVariables) -> FoundCredentials | None:
    provider, value, file = (f"HW_ASSUME_ROLE_{name}" for name in ("IDP_ID", "ID_TOKEN", "ID_TOKEN_FILE"))
    if variables.get(value) and variables.get(file):
        refuse(f"{value} and {file} are both set", f"unset {value}: a file is read anew when the keys are renewed")
    given = value if variables.get(value) else file
    if not variables.are_set(provider, given):
        return None
    token = variables.get(value)
    return _id_token(
        variables, provider, Secret(token) if token else Path(variables.get(file) or ""), key_life(variables)
    )


def _from_sdk_id_token(variables: VendorVariables) -> FoundCredentials | None:
    provider, file = "HUAWEICLOUD_SDK_IDP_ID", "HUAWEICLOUD_SDK_ID_TOKEN_FILE"
    if not variables.are_set(provider, file):
        return None
    return replace(
        _id_token(variables, provider, Path(variables.get(file) or "")),
        project_id=variables.sendable("HUAWEICLOUD_SDK_PROJECT_ID"),
        domain_id=variables.sendable("HUAWEICLOUD_SDK_DOMAIN_ID"),
    )


def _id_token(
    variables: VendorVariables, provider: str, token: Secret | Path, seconds: int = KEY_LIFE_SECONDS
) -> FoundCredentials:
    value, path = (token, None) if isinstance(token, Secret) else (None, token)
    found = IdToken(variables.sendable(provider) or "", value, path, seconds)
    read_id_token(found)
    return FoundCredentials(found, provider)


def _from_provider_variables(variables: VendorVariables) -> FoundCredentials | None:
    if not variables.are_set("HW_ACCESS_KEY", "HW_SECRET_KEY"):
        return None
    key = _access_key(variables, "HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN")
    return FoundCredentials(key, variables.name_in_use("HW_ACCESS_KEY") or "")


def _from_sdk_variables(variables: VendorVariables) -> FoundCredentials | None:
    access_key, secret_key = "HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"
    if not variables.are_set(access_key, secret_key):
        return None
    return FoundCredentials(
        _access_key(variables, access_key, secret_key, "HUAWEICLOUD_SDK_SECURITY_TOKEN"),
        source=access_key,
        project_id=variables.sendable("HUAWEICLOUD_SDK_PROJECT_ID"),
        domain_id=variables.sendable("HUAWEICLOUD_SDK_DOMAIN_ID"),
    )


def _from_token_variable(variables: VendorVariables) -> FoundCredentials | None:
    token = variables.sendable("HW_AUTH_TOKEN")
    return FoundCredentials(IssuedToken(Secret(token)), variables.name_in_use("HW_AUTH_TOKEN") or "") if token else None


def _from_hcloud_profile(variables: VendorVariables, home: Path) -> FoundCredentials | None:
    path = Path(variables.get("HW_SHARED_CONFIG_FILE") or home / ".hcloud" / "config.json")
    profile = read_profile(path, variables.get("HW_PROFILE"))
    if profile is None:
        return None
    return FoundCredentials(
        AccessKey(profile.access_key, profile.secret_key, profile.security_token),
        source=f"profile {profile.name} of {path}",
        region=profile.region,
        # Project and account of the environment take precedence over those of a file.
        project_id=variables.sendable("HW_PROJECT_ID") or profile.project_id,
        domain_id=variables.sendable("HW_DOMAIN_ID") or profile.domain_id,
        agency=profile.agency,
    )


def _from_sdk_profile(variables: VendorVariables, home: Path) -> FoundCredentials | None:
    path = Path(variables.get("HUAWEICLOUD_SDK_CREDENTIALS_FILE") or home / ".huaweicloud" / "credentials")
    profile = read_sdk_profile(path)
    if profile is None:
        return None
    if isinstance(profile.credentials, IdToken):
        read_id_token(profile.credentials)
    return FoundCredentials(
        profile.credentials,
        source=str(path),
        project_id=variables.sendable("HW_PROJECT_ID") or profile.project_id,
        domain_id=variables.sendable("HW_DOMAIN_ID") or profile.domain_id,
    )


def _from_password_variables(variables: VendorVariables) -> FoundCredentials | None:
    """Identify the user by name if one is given, else by id. An id needs no account."""
    by_id = bool(variables.get("HW_USER_ID")) and not variables.get("HW_USER_NAME")
    name, account = ("HW_USER_ID", ()) if by_id else ("HW_USER_NAME", ("HW_DOMAIN_NAME",))
    # The account's name alone does not start this set, because it accompanies access keys as well.
    if not any(map(variables.get, (name, "HW_USER_PASSWORD"))):
        return None
    variables.are_set(name, "HW_USER_PASSWORD", *account)
    password = Secret(variables.get("HW_USER_PASSWORD") or "")
    if by_id:
        user = Password(None, password, variables.get("HW_DOMAIN_NAME"), variables.get("HW_USER_ID"))
    else:
        user = Password(variables.get("HW_USER_NAME"), password, variables.get("HW_DOMAIN_NAME"))
    return FoundCredentials(user, variables.name_in_use(name) or "")


def _access_key(variables: VendorVariables, access_key: str, secret_key: str, security_token: str) -> AccessKey:
    token = variables.sendable(security_token)
    return AccessKey(
        variables.sendable(access_key) or "",
        Secret(variables.sendable(secret_key) or ""),
        Secret(token) if token else None,
    )


def _warnings(variables: VendorVariables) -> tuple[Diagnostic, ...]:
    return (*_insecure(variables), *_ignored(variables))


def _ignored(variables: VendorVariables) -> tuple[Diagnostic, ...]:
    """Warn once about variables for the vendor's tools that are ignored here, because users would expect them to work."""
    names = variables.ignored()
    if not names:
        return ()
    hint = "what it says for other tools does not hold here; docs/credentials.md has the variables that are followed"
    if "OS_CACERT" in names:
        hint = f"a certificate authority of your own is named by SSL_CERT_FILE; {hint}"
    if any(name.endswith("ENTERPRISE_PROJECT_ID") for name in names):
        hint = f"for an enterprise project write enterprise_project_id: into the specs, where a plan shows it; {hint}"
    are = "is" if len(names) == 1 else "are"
    return (warning("variable-ignored", f"{', '.join(names)} {are} set and not followed", hint=hint),)


def _insecure(variables: VendorVariables) -> tuple[Diagnostic, ...]:
    if (variables.get("HW_INSECURE") or "false").lower() in {"0", "f", "false", "no"}:
        return ()
    name = variables.name_in_use("HW_INSECURE")
    return (
        warning(
            "insecure-ignored",
            f"{name} is ignored: the cloud's certificates are always verified",
            hint="to trust a certificate authority of your own, name its file in SSL_CERT_FILE",
        ),
    )
